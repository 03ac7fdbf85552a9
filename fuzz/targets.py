"""The fuzz targets: each takes any bytes and raises only when our code breaks a promise.

A target is made once (`TARGETS[name]()`) and then called with one input after the other. Expected refusals are
swallowed here, by the very exception that the decoder documents; whatever else comes out is a finding.
"""

import asyncio
from collections.abc import Callable
from functools import cache
from pathlib import Path

from pcs.codec import journal
from pcs.codec.readplan import MAX_READ
from pcs.codec.sunspec import MAX_MODELS, ModelMap, NoMap, decode_model, walk
from pcs.codec.sunspec_models import MODELS
from pcs.config import ConfigError, load_profiles
from pcs.config.profiles import profile_folder, profile_of
from pcs.config.site import site_of
from pcs.config.yaml_marks import MAX_BYTES, Document, take
from pcs.io.modbus_connection import ModbusConnection, _Pending
from pcs.model.fault import Fault, FaultKind
from pcs.model.profile import DeviceProfile
from pcs.model.site import LinkAddress, Site
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


def sunspec_walk() -> Target:
    """Bytes as what a device answers, one after the other: the walk ends, and what it found lies in the map."""

    def target(data: bytes) -> None:
        steps, at = walk(), 0
        try:
            block = next(steps)
            for _ in range(MAX_STEPS):
                assert 1 <= block.count <= MAX_READ
                assert 0 <= block.address
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
        try:
            list(journal.unpack(data))
        except (journal.BadLineError, journal.UnknownVersionError):
            pass

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
    "sunspec_walk": sunspec_walk,
    "sunspec_model": sunspec_model,
    "journal_line": journal_line,
    "site_yaml": site_yaml,
    "profile_yaml": profile_yaml,
}


def seeds(name: str) -> list[bytes]:
    """Good inputs to begin with."""
    frame = bytes((0, TRANSACTION, 0, 0)) + HEAD + bytes(range(2 * COUNT))
    found = {
        "tcp_frames": [b"\0" + frame, b"\3" + bytes((0, 5, 0, 0)) + HEAD + bytes(8) + frame],
        "sunspec_walk": [b"\6\0\0\1\0\102\0\0\147\0\62\0\xff\xff\0\0", b"\xff\6\0\0\1\0\102\0\xff\xff\0\0"],
        "sunspec_model": [bytes((k,)) + bytes(range(256)) for k in range(0, len(MODELS), 3)],
        "journal_line": [
            journal.HEADER,
            b'[1.0,2.0,[["m","poi",1.0,[1.0],[],[],60.0,1.0,"00ff",0.9,1.0],["f","no answer in time","poi",1.0,""],'
            b'["d","a",1.0,"",0.9,1.0]],[["a",1.0,0.0,true]],[[1.0,2.0,"started","","x",[["a",1.0]]]]]',
            b'[1.0,2.0,"fault raised","poi","no answer",[["fault","METER_LOST"]]]',
        ],
    }
    if name in found:
        return found[name]
    files = sorted(profile_folder().glob("sites/*.yaml" if name == "site_yaml" else "[!s]*/*.yaml"))
    files += sorted(profile_folder().glob("sunspec/*.yaml")) if name == "profile_yaml" else []
    assert all(path.stat().st_size <= MAX_BYTES for path in files)
    return [path.read_bytes() for path in files]
