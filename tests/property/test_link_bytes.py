"""Whatever is on the wire, a link gives no reading that was not sent as the reply to it, and never an exception.

One thing cannot be told on a bus: a unit that answers a request rightly and later says more, in the form of a reply to
the next. RTU has no transaction id, so that is the one thing that is let pass here, and only there.
"""

import asyncio
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pcs.model.fault import Fault, FaultKind
from pcs.ports import Priority, Reply
from tests.faults.device import RTU, TCP, Device, Framing, Wire
from tests.faults.play import KINDS, Kind
from tests.faults.table import DEADLINE_S
from tests.link_helpers import Request
from tests.modbus_link_kit import registers
from tests.virtual_time import run_virtually

VIRTUAL = [kind for kind in KINDS if not kind.real]
HEALED_S = 20.0
"""Beyond every pause that a link makes: the last back-off and rest are 5 s and 10 s, and a quarantine before each."""

words = st.integers(0, 0xFFFF)
small = st.binary(max_size=24)
edits = st.one_of(
    st.tuples(st.just("raw"), st.binary(max_size=300)),
    st.tuples(st.just("flip"), st.integers(0, 200)),
    st.tuples(st.just("drop"), st.integers(0, 20)),
    st.tuples(st.just("cut"), st.integers(0, 20)),
    st.tuples(st.just("insert"), st.tuples(st.integers(0, 20), small)),
    st.tuples(st.just("around"), st.tuples(small, small)),
    st.tuples(st.just("pdu"), st.binary(min_size=1, max_size=40)),
    st.tuples(st.just("other"), st.tuples(words, st.integers(1, 125))),
    st.tuples(st.just("twice"), st.just(0)),
    st.tuples(st.just("right"), st.just(0)),
)
pieces = st.lists(st.tuples(edits, st.sampled_from([0.0, 0.01, 0.1, 0.25, 0.4])), max_size=4)
counts = st.sampled_from([4, 4, 4, 2, 20])
"""Mostly the same, so that a late reply to one request would fit the next."""
scripts = st.lists(pieces, min_size=1, max_size=5)


def edited(framing: Framing, request: Request, edit: tuple[str, Any]) -> bytes:
    """One piece of what the device says."""
    right, (kind, how) = framing.frame(request), edit
    match kind:
        case "raw":
            return bytes(how)
        case "flip":
            at = how % (8 * len(right))
            return right[: at // 8] + bytes((right[at // 8] ^ 1 << at % 8,)) + right[at // 8 + 1 :]
        case "drop":
            return right[: how % len(right)] + right[how % len(right) + 1 :]
        case "cut":
            return right[: how % len(right)]
        case "insert":
            return right[: how[0] % len(right)] + how[1] + right[how[0] % len(right) :]
        case "around":
            return bytes(how[0] + right + how[1])
        case "pdu":
            return framing.frame(request, how)
        case "other":
            asked = Request(request.transaction, request.unit, 3, how[0], how[1], (), 0.0)
            return framing.frame(asked)
        case "twice":
            return right + right
        case _:
            return right


class Liar:
    """Says, to each request in turn, the pieces of its script; remembers what it said in answer to which request."""

    def __init__(self, framing: Framing, script: list[list[tuple[tuple[str, Any], float]]]) -> None:
        self.framing, self.script = framing, script
        self.asked: list[Request] = []
        self.said: list[bytearray] = []
        self.answered: list[bool] = []

    def __call__(self, wire: Wire, request: Request, number: int) -> bool:
        self.asked.append(request)
        said = bytearray()
        self.said.append(said)
        if number >= len(self.script):
            said += self.framing.frame(request)
            return False
        for edit, after_s in self.script[number]:
            asyncio.get_running_loop().call_later(after_s, self._say, wire, said, edited(self.framing, request, edit))
        return True

    @staticmethod
    def _say(wire: Wire, said: bytearray, data: bytes) -> None:
        said += data
        wire.write(data)

    def learn(self, answer: Reply | Fault) -> None:
        """Remember whether the requests made since are answered as far as the link can know."""
        good = isinstance(answer, Reply) or answer.kind in (FaultKind.REFUSED, FaultKind.NOT_NOW)
        self.answered += [good] * (len(self.asked) - len(self.answered))

    def sent(self, data: bytes) -> bool:
        """Whether a whole reply with this reading was said in answer to the last request, or could not be told."""
        last = self.asked[-1]
        heard = [self.said[-1]]
        if self.framing is RTU:
            heard += [said for said, answered in zip(self.said, self.answered, strict=False) if answered]
        return any(self._holds(said, data, last) for said in heard)

    def _holds(self, said: bytearray, data: bytes, last: Request) -> bool:
        head, size = bytes((3, 2 * last.count)), 2 * last.count
        wholes = (bytes(said[at : at + size]) for at in found(said, data))
        return any(self.framing.frame(last, head + whole) in said for whole in wholes)


def found(said: bytearray, data: bytes) -> list[int]:
    """Every place where `data` begins."""
    places, at = [], said.find(data)
    while at >= 0:
        places.append(at)
        at = said.find(data, at + 1)
    return places


async def tell_lies(kind: Kind, liar: Liar, asks: list[tuple[int, int]]) -> None:
    device: Device = kind.device(liar, None)  # type: ignore[arg-type]
    await device.start()
    link = kind.link(device)
    loop = asyncio.get_running_loop()
    problems: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: problems.append(context))
    device.arm()
    try:
        for address, count in asks:
            began_s = loop.time()
            answer = await link.read(1, address, count, deadline_s=DEADLINE_S, priority=Priority.FAST_READ)
            assert loop.time() <= began_s + DEADLINE_S + 1e-3
            assert isinstance(answer, Reply | Fault)
            if isinstance(answer, Reply):
                assert len(answer.data) == 2 * count
                assert liar.sent(answer.data), (answer.data, liar.asked, liar.said)
            liar.learn(answer)
        liar.script.clear()
        until_s = loop.time() + HEALED_S
        while not isinstance(answer := await ask(link), Reply) or answer.data != registers(5000, 7):
            assert isinstance(answer, Fault) or liar.sent(answer.data), (answer, liar.asked, liar.said)
            liar.learn(answer)
            assert loop.time() < until_s, answer
            await asyncio.sleep(0.05)
    finally:
        await link.close()
        await device.stop()
    assert problems == []


async def ask(link: Any) -> Reply | Fault:
    answer: Reply | Fault = await link.read(1, 5000, 7, deadline_s=DEADLINE_S, priority=Priority.FAST_READ)
    return answer


@pytest.mark.parametrize("kind", VIRTUAL, ids=[kind.name for kind in VIRTUAL])
@settings(max_examples=300, deadline=None)
@example(script=[[(("right", 0), 0.25)], []], asks=[(100, 4), (300, 4)])
@given(script=scripts, asks=st.lists(st.tuples(st.integers(0, 60_000), counts), min_size=2, max_size=8))
def test_no_bytes_make_a_reading_that_was_not_sent_nor_an_exception(
    kind: Kind, script: list[list[tuple[tuple[str, Any], float]]], asks: list[tuple[int, int]]
) -> None:
    framing = RTU if kind.rtu else TCP
    run_virtually(tell_lies(kind, Liar(framing, [list(pieces) for pieces in script]), asks))
