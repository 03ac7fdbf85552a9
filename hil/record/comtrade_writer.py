"""Writes COMTRADE (IEEE C37.111-2013): a .cfg with its .dat in ASCII, BINARY, BINARY32 or FLOAT32, or one .cff of both.

Analog values are primary quantities. FLOAT32 keeps seven digits of each value; the others keep a share of the channel's
own range (ASCII 1/200 000, BINARY 1/65 000, BINARY32 1/4e9). Channels that are only ever 0 or 1 and are named a contact
become status channels. Evenly spaced samples are written with their rate, others by their time stamps.
"""

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hil.record.channel_facts import phase_of, unit_of
from hil.record.durable import write_whole
from hil.record.recording import FloatArray, Recording, RecordingError

STAMP_MAX = 2**32 - 2  # four bytes; 0xFFFFFFFF means that there is no time stamp (C37.111-2013, 8.6)
EVEN_WITHIN_S = 1e-7  # a tenth of the time stamp's usual unit: closer no reader can tell
NAME_LENGTH_MAX = 128  # C37.111-2013, 7.4: characters of a channel's name
ASCII_MISSING = "99999"  # C37.111-1999, 6.4; what readers know
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Form(StrEnum):
    """How the samples are written."""

    ASCII = "ASCII"
    BINARY = "BINARY"
    BINARY32 = "BINARY32"
    FLOAT32 = "FLOAT32"


SPAN = {Form.ASCII: 99_998, Form.BINARY: 2**15 - 1, Form.BINARY32: 2**31 - 1}
"""The greatest raw value of each form of whole numbers; the least is its negative. Beyond it stands what is missing."""
RAW = {Form.BINARY: "<i2", Form.BINARY32: "<i4", Form.FLOAT32: "<f4"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What stands above the channels. `trigger_s` is on the recording's own clock; None: its first sample.

    `started` is the wall clock at the first sample, for people: responses are read from the time base.
    """

    station: str = ""
    device: str = ""
    line_hz: float | None = None
    started: datetime = EPOCH
    trigger_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scaled:
    """One analog channel as raw numbers: value = gain * raw + offset. Missing is NaN."""

    name: str
    raw: FloatArray
    gain: float
    offset: float


def write_comtrade(path: Path, recording: Recording, head: Head | None = None, form: Form = Form.FLOAT32) -> list[Path]:
    """Write a recording under the name of a .cfg (then a .dat beside it) or of a .cff; returns the files.

    Raises:
        RecordingError: a name or a time base that COMTRADE cannot hold.
        OSError: it cannot be written.
    """
    _check(path, recording)
    head = head or Head()
    status = {name: y for name, y in recording.channels.items() if _is_contact(name, y)}
    analog = [_scaled(name, y, form) for name, y in recording.channels.items() if name not in status]
    times = _times(recording.t_s)
    lines = _configuration(recording, head, form, analog, list(status), times)
    configuration = ("\r\n".join(lines) + "\r\n").encode()
    bits = np.array(list(status.values()), dtype=np.uint16).reshape(len(status), len(recording.t_s)).T
    data = _ascii(times.stamps, analog, bits) if form is Form.ASCII else _binary(times.stamps, analog, bits, form)
    if path.suffix.lower() != ".cff":
        target = path.with_suffix(".cfg")
        write_whole(target.with_suffix(".dat"), data)
        write_whole(target, configuration)
        return [target, target.with_suffix(".dat")]
    size = "" if form is Form.ASCII else f": {len(data)}"
    write_whole(
        path,
        b"--- file type: CFG ---\r\n"
        + configuration
        + f"--- file type: INF ---\r\n--- file type: HDR ---\r\n--- file type: DAT {form.value}{size} ---\r\n".encode()
        + data,
    )
    return [path]


def _check(path: Path, recording: Recording) -> None:
    if not len(recording.t_s) or not recording.channels:
        raise RecordingError(path, 0, "would have no samples", "export a recording that has some")
    if not np.all(np.isfinite(recording.t_s)) or np.any(np.diff(recording.t_s) < 0.0):
        raise RecordingError(path, 0, "would have time that goes back or is no number", "`hil verify` says where")
    for name in recording.channels:
        if not name.strip() or len(name) > NAME_LENGTH_MAX or any(c in ',"' or not c.isprintable() for c in name):
            remedy = f"COMTRADE takes no comma or quote in it, and {NAME_LENGTH_MAX} characters at most"
            raise RecordingError(path, 0, f'cannot name a channel "{name[:40]}"', remedy)
    for name, values in recording.channels.items():
        if np.any(np.isinf(values)):
            raise RecordingError(path, 0, f"cannot hold a value of {name} that is infinite", "leave the sample empty")


def _is_contact(name: str, values: FloatArray) -> bool:
    return name.endswith("contact") and bool(np.all((values == 0.0) | (values == 1.0)))


def _scaled(name: str, values: FloatArray, form: Form) -> _Scaled:
    """Raw numbers that use the whole span of the form."""
    if form is Form.FLOAT32:
        return _Scaled(name=name, raw=values, gain=1.0, offset=0.0)
    present = values[np.isfinite(values)]
    lo, hi = (float(np.min(present)), float(np.max(present))) if len(present) else (0.0, 0.0)
    offset = 0.5 * lo + 0.5 * hi
    gain = (0.5 * hi - 0.5 * lo) / SPAN[form] or 1.0
    raw = np.clip(np.rint((values - offset) / gain), -SPAN[form], SPAN[form])
    return _Scaled(name=name, raw=raw, gain=gain, offset=offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Times:
    """The time base: `rate_hz` 0 where the stamps count; these are in units of `factor` microseconds."""

    rate_hz: float
    factor: float
    stamps: NDArray[np.uint32]


def _times(t_s: FloatArray) -> _Times:
    since_s = t_s - t_s[0]
    span_s = float(since_s[-1])
    factor = 1e-3  # nanoseconds, where they fit
    while span_s / (factor * 1e-6) > STAMP_MAX:
        factor *= 10.0
    stamps = np.rint(since_s / (factor * 1e-6)).astype(np.uint32)
    rate_hz = 0.0
    if len(t_s) > 1 and span_s > 0.0:
        rate_hz = float(f"{(len(t_s) - 1) / span_s:.12g}")  # 15360, without what binary fractions left behind
        if np.max(np.abs(np.arange(len(t_s)) / rate_hz - since_s)) > EVEN_WITHIN_S:
            rate_hz = 0.0
    return _Times(rate_hz=rate_hz, factor=factor, stamps=stamps)


def _configuration(
    recording: Recording, head: Head, form: Form, analog: list[_Scaled], status: list[str], times: _Times
) -> list[str]:
    count = len(recording.t_s)
    trigger_s = 0.0 if head.trigger_s is None else head.trigger_s - float(recording.t_s[0])
    line_hz = "" if head.line_hz is None else f"{head.line_hz:g}"
    return [
        f"{_text(head.station)},{_text(head.device)},2013",
        f"{len(analog) + len(status)},{len(analog)}A,{len(status)}D",
        *(_analog_line(i, channel, form) for i, channel in enumerate(analog, start=1)),
        *(f"{i},{name},{phase_of(name)},,0" for i, name in enumerate(status, start=1)),
        line_hz,
        "1" if times.rate_hz else "0",
        f"{times.rate_hz!r},{count}",
        _stamp(head.started),
        _stamp(head.started + timedelta(seconds=trigger_s)),
        form.value,
        f"{times.factor:g}",
        "0,0",  # both clocks are UTC
        "F,0",  # C37.111-2013, annex B: nobody vouches for the wall clock; no leap second
    ]


def _analog_line(number: int, channel: _Scaled, form: Form) -> str:
    span = SPAN.get(form)
    present = channel.raw[np.isfinite(channel.raw)]
    least, most = (-span, span) if span is not None else (np.min(present, initial=0.0), np.max(present, initial=0.0))
    unit = unit_of(channel.name) or "NONE"
    scale = f"{channel.gain!r},{channel.offset!r},0,{least:.9g},{most:.9g},1,1,P"
    return f"{number},{channel.name},{phase_of(channel.name)},,{unit},{scale}"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%d/%m/%Y,%H:%M:%S.%f")


def _text(said: str) -> str:
    return "".join(" " if c in ',"' or not c.isprintable() else c for c in said)[:64]  # C37.111-2013, 7.3


def _ascii(stamps: NDArray[np.uint32], analog: list[_Scaled], bits: NDArray[np.uint16]) -> bytes:
    cells = [[ASCII_MISSING if value != value else int(value) for value in c.raw.tolist()] for c in analog]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows(zip(range(1, len(stamps) + 1), stamps.tolist(), *cells, *bits.T.tolist(), strict=True))
    return text.getvalue().encode("ascii")


def _binary(stamps: NDArray[np.uint32], analog: list[_Scaled], bits: NDArray[np.uint16], form: Form) -> bytes:
    words = -(-bits.shape[1] // 16)
    row = np.dtype([("n", "<u4"), ("t", "<u4"), ("a", RAW[form], (len(analog),)), ("d", "<u2", (words,))])
    table = np.zeros(len(stamps), dtype=row)
    table["n"] = np.arange(1, len(stamps) + 1)
    table["t"] = stamps
    for i, channel in enumerate(analog):
        missing = np.nan if form is Form.FLOAT32 else -SPAN[form] - 1  # C37.111-2013, 8.6: the least number there is
        table["a"][:, i] = np.where(np.isnan(channel.raw), missing, channel.raw)
    for i in range(bits.shape[1]):
        table["d"][:, i // 16] |= (bits[:, i] << (i % 16)).astype(np.uint16)
    return table.tobytes()
