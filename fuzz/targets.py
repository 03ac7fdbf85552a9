"""The fuzz targets: each takes any bytes and raises only when our code breaks a promise.

A target is made once (`TARGETS[name]()`) and then called with one input after the other. Expected refusals are
swallowed here, by the very exception that the decoder documents; whatever else comes out is a finding.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from pcs.cli.dissect import as_dict, page
from pcs.cli.dissect_frame import rtu_frames as rtu_frames_in
from pcs.cli.dissect_frame import tcp_frames as tcp_frames_in
from pcs.cli.dissect_trace import Reader
from pcs.codec import journal, register_map
from pcs.codec.readplan import MAX_READ
from pcs.codec.rtu import Shape, ask_read, ask_write, is_sealed, judge, sealed, units_talking
from pcs.codec.sunspec import MAX_MODELS, ModelMap, NoMap, decode_model, walk
from pcs.codec.sunspec_models import MODELS
from pcs.config import ConfigError, load_profiles
from pcs.config.profiles import profile_folder, profile_of
from pcs.config.site import site_of
from pcs.config.yaml_marks import MAX_BYTES, Document, take
from pcs.io.modbus_connection import ModbusConnection, _Pending
from pcs.model.event import Event, EventKind
from pcs.model.fault import Fault, FaultKind
from pcs.model.profile import DeviceProfile
from pcs.model.reading import DerReading, MeterReading
from pcs.model.site import LinkAddress, Site
from pcs.model.units import Instant
from pcs.ports import Reply

Target = Callable[[bytes], None]

TRANSACTION, UNIT, COUNT = 7, 1, 4  # of the request that waits while frames come in
HEAD = bytes((0, 3 + 2 * COUNT, UNIT, 3, 2 * COUNT))  # what its reply must have behind the protocol id
MAX_STEPS = 3 * (2 * MAX_MODELS + 4)  # requests that one walk may make
FAULTS = tuple(FaultKind)[:6]  # those that a request can come to


def tcp_frames() -> Target:
    """Bytes from a socket, in pieces as the first byte says: one reply that fits, a fault, or silence."""
    loop = asyncio.new_event_loop()

    async def make() -> ModbusConnection:
        return ModbusConnection(LinkAddress(host="127.0.0.1"))

    connection = loop.run_until_complete(make())

    def target(data: bytes) -> None:
        future: asyncio.Future[object] = loop.create_future()
        pending = _Pending(HEAD, 0.0, future)  # type: ignore[arg-type]
        pending.transaction = TRANSACTION
        connection._pending, connection._seen, connection._torn, connection.broken = pending, 0, 0, ""
        connection._abandoned.clear()
        connection._abandoned.extend((5, 6))
        pieces, data = 1 + (data[0] % 4 if data else 0), data[1:]
        said = ""
        for k in range(1, pieces + 1):
            said = connection._receive(data[: len(data) * k // pieces])
            if said:
                break
        if future.done():
            answer = future.result()
            if isinstance(answer, Reply):
                assert len(answer.data) == 2 * COUNT
                assert HEAD in data
                assert bytes((0, TRANSACTION, 0, 0)) in data
        assert connection._torn <= len(data)

    return target


def rtu_frames() -> Target:
    """Bytes from a bus, whole and in growing pieces: only what is sealed and fits is a reply."""
    asks = (ask_read(UNIT, 3, 100, COUNT), ask_read(UNIT, 4, 0, 2), ask_write(UNIT, 16, 100, (1, 2)))

    def target(data: bytes) -> None:
        if not data:
            return
        ask, heard = asks[data[0] % len(asks)], data[1:]
        pieces = 1 + data[0] // 64
        for k in range(1, pieces + 1):
            part = heard[: len(heard) * k // pieces]
            seen = judge(ask, part)
            if seen.shape is Shape.GOOD:
                reply = part.lstrip(b"\x00\xff")[: ask.reply_bytes]
                assert is_sealed(reply)
                assert reply.startswith(ask.head)
            if seen.shape is Shape.WRONG:
                assert seen.detail
        assert all(0 <= unit <= 255 for unit in units_talking(heard))

    return target


def register_points() -> Target:
    """Bytes as the registers of every profile that has a map: each point is a value of its type or nothing."""
    maps = [profile.registers for profile in library().values() if profile.registers is not None]

    def target(data: bytes) -> None:
        if not data:
            return
        registers = maps[data[0] % len(maps)]
        for _, block, inside in register_map.reads(registers.points, read_max=registers.read_max):
            values = register_map.decode(inside, block.address, data[1:].ljust(2 * block.count, b"\xff"))
            for name, value in values.items():
                assert value is None or isinstance(value, int | float | str), name
                assert not isinstance(value, float) or abs(value) < float("inf"), name

    return target


def sunspec_walk() -> Target:
    """Bytes as what a device answers, one after the other: the walk ends, and what it found lies in the map."""

    def target(data: bytes) -> None:
        steps, at = walk(), 0
        try:
            block = next(steps)
            for _ in range(MAX_STEPS):
                assert 1 <= block.count <= MAX_READ
                assert block.address >= 0
                assert block.end <= 0x1_0000
                chosen = data[at] if at < len(data) else 0xFF
                at += 1
                if chosen % 8 == 7:
                    kind = FAULTS[chosen // 8 % len(FAULTS)]
                    block = steps.send(Fault(kind=kind, source_id="", at_s=0.0))
                elif chosen % 8 == 6 and block.count == 2:
                    block = steps.send(b"SunS")
                else:
                    block = steps.send(data[at : at + 2 * block.count].ljust(2 * block.count, b"\xff"))
                    at += 2 * block.count
            raise AssertionError("the walk does not end")
        except StopIteration as end:
            found = end.value
        assert isinstance(found, ModelMap | NoMap)
        if isinstance(found, ModelMap):
            assert len(found.models) <= MAX_MODELS
            str(found)

    return target


def sunspec_model() -> Target:
    """Bytes as the registers of a model, which the first byte chooses: every point is a value or nothing."""
    ids = tuple(MODELS)

    def target(data: bytes) -> None:
        if not data:
            return
        body = data[1:]
        values = decode_model(ids[data[0] % len(ids)], body[: len(body) // 2 * 2])
        for name, value in values.items():
            assert value is None or isinstance(value, int | float | str), name
            assert not isinstance(value, float) or abs(value) < float("inf"), name

    return target


def journal_line() -> Target:
    """Bytes as a line of the journal: a record that encodes to itself, or refused."""

    def target(data: bytes) -> None:
        try:
            record = journal.decode(data)
        except journal.BadLineError:
            pass
        else:
            assert journal.encode(journal.decode(journal.encode(record))) == journal.encode(record)
        try:
            event = journal.decode_event(data)
        except journal.BadLineError:
            pass
        else:
            journal.encode_event(event)
        with contextlib.suppress(journal.BadLineError, journal.UnknownVersionError):
            list(journal.unpack(data))

    return target


def dissected_frames() -> Target:
    """Bytes as frames of either framing and direction: each byte is in exactly one part of one frame."""

    def target(data: bytes) -> None:
        how, body = (data[0] if data else 0), data[1:]
        parse = tcp_frames_in if how & 1 else rtu_frames_in
        frames = parse(body, is_request=bool(how & 2))
        assert b"".join(part.raw for frame in frames for part in frame.parts) == body
        for frame in frames:
            assert frame.title
            assert frame.problems or len(frame.raw) >= 4

    return target


def dissected_trace() -> Target:
    """Bytes as a trace file: exchanges that can be shown, and as JSON."""

    def target(data: bytes) -> None:
        reader = Reader()
        lines = data.decode("utf-8", "replace").split("\n")
        for one in (*(one for line in lines for one in reader.line(line)), *reader.end()):
            if isinstance(one, str):
                assert one
            else:
                assert "\n".join(page(one, with_bytes=True))
                json.dumps(as_dict(one))

    return target


@cache
def library() -> dict[str, DeviceProfile]:
    """The profiles of this installation."""
    return load_profiles()


def site_yaml() -> Target:
    """Bytes as a site file: a site, or problems whose lines lie within the file."""
    known = library()

    def target(data: bytes) -> None:
        document = Document(file="site.yaml")
        take(data, document)
        try:
            site = site_of(document, Path("site.yaml"), known)
        except ConfigError as error:
            check_problems(error, data)
        else:
            assert isinstance(site, Site)

    return target


def profile_yaml() -> Target:
    """Bytes as a device profile: a profile, or problems whose lines lie within the file."""

    def target(data: bytes) -> None:
        document = Document(file="profile.yaml")
        take(data, document)
        profile = profile_of(document, "vendor/model")
        if profile is None:
            check_problems(ConfigError(document.problems), data)
        else:
            assert isinstance(profile, DeviceProfile)

    return target


def check_problems(error: ConfigError, data: bytes) -> None:
    """A refusal has a reason, and each reason a line that exists and words without control characters."""
    assert error.problems
    last = max(1, len(data.decode("utf-8-sig", "replace").splitlines()))
    for problem in error.problems:
        assert problem.line is None or 1 <= problem.line <= last, (problem, last)
        assert str(problem).isprintable(), problem


TARGETS: dict[str, Callable[[], Target]] = {
    "tcp_frames": tcp_frames,
    "rtu_frames": rtu_frames,
    "register_points": register_points,
    "sunspec_walk": sunspec_walk,
    "sunspec_model": sunspec_model,
    "journal_line": journal_line,
    "dissected_frames": dissected_frames,
    "dissected_trace": dissected_trace,
    "site_yaml": site_yaml,
    "profile_yaml": profile_yaml,
}


def _record() -> journal.StepRecord:
    """A step with something of everything."""
    now = Instant(mono_s=1.0, utc_s=2.0)
    at = {"sent_s": 0.9, "received_s": 1.0}
    return journal.StepRecord(
        now=now,
        inputs=(
            MeterReading(meter_id="poi", import_w=1.0, phase_import_w=(1.0,), words=b"\0\xff", **at),
            DerReading(der_id="a", injection_w=None, **at),
            Fault(kind=FaultKind.NO_ANSWER, source_id="poi", at_s=1.0, detail="x"),
        ),
        events=(Event(at=now, kind=EventKind.FAULT_RAISED, source_id="poi", text="x", facts=(("a", 1.0),)),),
    )


def seeds(name: str) -> list[bytes]:
    """Good inputs to begin with."""
    frame = bytes((0, TRANSACTION, 0, 0)) + HEAD + bytes(range(2 * COUNT))
    found = {
        "tcp_frames": [b"\0" + frame, b"\3" + bytes((0, 5, 0, 0)) + HEAD + bytes(8) + frame],
        "sunspec_walk": [b"\6\0\0\1\0\102\0\0\147\0\62\0\xff\xff\0\0", b"\xff\6\0\0\1\0\102\0\xff\xff\0\0"],
        "sunspec_model": [bytes((k,)) + bytes(range(256)) for k in range(0, len(MODELS), 3)],
        "rtu_frames": [
            b"\0" + sealed(bytes((UNIT, 3, 2 * COUNT)) + bytes(range(2 * COUNT))),
            b"\xc1\xff" + sealed(bytes((UNIT, 4, 4, 1, 2, 3, 4))) + b"\0",
            b"\x02" + sealed(bytes((UNIT, 16, 0, 100, 0, 2))),
            b"\0" + sealed(bytes((UNIT, 0x83, 2))),
        ],
        "register_points": [b"\0" + bytes(range(200)), b"\1SunS" + bytes(range(1, 250))],
        "dissected_frames": [
            b"\1" + frame,
            b"\3" + bytes((0, 1, 0, 0, 0, 6, 1, 3, 0, 100, 0, 4)),
            b"\2" + bytes.fromhex("1103006b00037687"),
            b"\0" + bytes.fromhex("110306ae415652434049ad"),
            b"\0" + bytes.fromhex("0a8102b053"),
            b"\2" + bytes.fromhex("110600010003 9a9b 11100001000204000a0102c6f0"),
        ],
        "dissected_trace": [
            b'{"schema":"pcs.trace/1","mono_s":1.0,"utc_s":2.0}\n'
            b'{"at_s":1.0,"link":"tcp://h:1","tx":"000100000006019c400002"}\n'
            b'{"at_s":1.0,"link":"tcp://h:1","tx":"00010000000601039c400002"}\n'
            b'{"at_s":1.1,"link":"tcp://h:1","rx":"00010000000701030453756e53"}\n'
            b'{"at_s":1.2,"link":"tcp://h:1","tx":"00020000000601039c420005"}\n'
            b'{"at_s":1.3,"link":"tcp://h:1","rx":"00020000000d01030a00cb0069000000010002"}\n',
            b'{"at_s":1.0,"link":"serial:///dev/a","tx":"1103006b00037687"}\n'
            b'{"at_s":1.0,"link":"serial:///dev/a","rx":"110306ae415652434049ad"}\n'
            b'{"asked_s":1,"link":"x","unit":1,"function":3,"address":1,"count":1,"fault":"busy","lost_before":3}\n',
            b"11 03 00 6b 00 03 76 87\n00 01 00 00 00 06 01 03 00 64 00 04\n",
        ],
        "journal_line": [
            journal.HEADER,
            journal.encode(_record()),
            journal.encode_event(_record().events[0]),
            journal.pack([journal.encode(_record()), journal.encode_event(_record().events[0])]),
        ],
    }
    if name in found:
        return found[name]
    files = sorted(profile_folder().glob("sites/*.yaml" if name == "site_yaml" else "[!s]*/*.yaml"))
    files += sorted(profile_folder().glob("sunspec/*.yaml")) if name == "profile_yaml" else []
    assert all(path.stat().st_size <= MAX_BYTES for path in files)
    return [path.read_bytes() for path in files]
