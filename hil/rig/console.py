"""A person at a plain terminal: one question at a time, answered by a line. Works over ssh, and reads well in a log.

Every question may be answered by `?` (say it again) or `fail WHY` (it cannot be done), except where it must be done.
Lines typed before a question was asked do not answer it.
"""

import asyncio
import queue
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Generic, Protocol, TypeVar

from hil.profile.units import Quantity, UnitError, parse_quantity
from hil.rig.roles import RigError

T = TypeVar("T")

ASK_WITHIN_S = 1500.0  # somebody walks to a switchboard and back; the runner itself gives a person 1800 s
LINES_MAX = 100  # typed and not yet read: whatever is beyond was not meant for us
TRIES_MAX = 50  # answers that are none: then nobody is there who reads the question
SHOWN = {"pu": "%"}  # people say 66 %
READBACK_RATIO = 0.05  # front panels and kettles are within it; a slip of the finger is not


class Terminal(Protocol):
    """Where a person reads and types."""

    def write(self, text: str) -> None:
        """Show a line."""
        ...

    async def read_line(self) -> str | None:
        """The next line that is typed; None: there will be no more."""
        ...

    def forget(self) -> None:
        """Drop what was typed ahead."""
        ...


class StandardTerminal:
    """stdin and stderr of this process. stdin is read by a thread of its own, which ends with the process.

    One of them serves any number of event loops, one after the other.
    """

    def __init__(self) -> None:
        self._lines: queue.Queue[str | None] = queue.Queue(maxsize=LINES_MAX)
        self._ended = False
        self._thread: threading.Thread | None = None
        self._waiting: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def write(self, text: str) -> None:
        """See `Terminal.write`."""
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    async def read_line(self) -> str | None:
        """See `Terminal.read_line`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, name="terminal", daemon=True)
            self._thread.start()
        while not self._ended:
            came = asyncio.Event()
            self._waiting = asyncio.get_running_loop(), came  # before the look, so that no line comes between
            try:
                line = self._lines.get_nowait()
            except queue.Empty:
                await came.wait()
                continue
            self._ended = line is None
            return line
        return None

    def forget(self) -> None:
        """See `Terminal.forget`; what comes from a file or a pipe is no typing, and is kept."""
        with suppress(queue.Empty):
            while sys.stdin.isatty() and not self._ended:
                self._ended = self._lines.get_nowait() is None

    def _read(self) -> None:
        with suppress(ValueError):  # stdin is closed
            for line in sys.stdin:
                self._hand(line.rstrip("\r\n"))
        self._hand(None)

    def _hand(self, line: str | None) -> None:
        self._lines.put(line)
        waiting = self._waiting
        if waiting is not None:
            loop, came = waiting
            with suppress(RuntimeError):  # that loop is closed: whoever asks next looks first
                loop.call_soon_threadsafe(came.set)


@cache
def standard_terminal() -> StandardTerminal:
    """The terminal of this process: there is one stdin, whoever asks."""
    return StandardTerminal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Generic[T]):
    """What was answered, and when it was asked and answered (s, clock of the world)."""

    value: T
    asked_s: float
    done_s: float


class NoAnswerError(Exception):
    """A line that is no answer to the question; the text says what would be one."""


class Console:
    """Asks. Whoever has several questions in a row asks them in one `turn`."""

    def __init__(self, terminal: Terminal, now_s: Callable[[], float], within_s: float = ASK_WITHIN_S):
        self._terminal, self.now_s, self.within_s = terminal, now_s, within_s
        self._lock = asyncio.Lock()
        self._put_off = asyncio.Event()
        self._asked = 0
        self.turns = 0
        """How many turns of actors there were: what was read before the last one may no longer be so."""

    def say(self, text: str) -> None:
        """Show something that asks for nothing."""
        self._terminal.write(text)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """For questions that belong together. A question that may be put off is."""
        self._put_off.set()
        async with self._lock:
            self._put_off.clear()
            self.turns += 1
            yield

    async def confirm(self, part: str, text: str, *, word: str = "", must: bool = False) -> Answer[str]:
        """Have something done. `word` must be typed where Enter is too easy; what `must` be done cannot be given up.

        Raises:
            RigError: it failed, or nobody answered in time.
        """

        def read(line: str) -> str:
            if line.lower() != word:
                raise NoAnswerError(f'type "{word}"' if word else "press Enter alone once it is done")
            return line

        how = f'type "{word}"' if word else "press Enter"
        return await self._ask(part, f"{text}. Then {how}.", read, must=must)

    async def number(self, part: str, text: str, unit: str, expected_value: float | None = None) -> Answer[float]:
        """A number in one of the base units, typed with or without it. One far from what was expected is asked again.

        Raises:
            RigError: it failed, or nobody answered in time.
        """
        doubted: list[float] = []

        def read_value(line: str) -> float:
            value = typed_value(line, unit)
            far = expected_value is not None and abs(value - expected_value) > READBACK_RATIO * max(
                abs(expected_value), 1.0
            )
            if far and doubted[-1:] != [value]:
                doubted.append(value)
                wanted = Quantity(value=expected_value or 0.0, unit=unit)
                raise NoAnswerError(f"{wanted} was asked for: set it and type the new value, or type this one again")
            return value

        return await self._ask(part, f"{text},{_in(unit)}:" if _in(unit) else f"{text}:", read_value)

    async def word(self, part: str, text: str, words: tuple[str, ...]) -> Answer[str]:
        """One of some words.

        Raises:
            RigError: it failed, or nobody answered in time.
        """

        def read(line: str) -> str:
            if line.lower() not in words:
                raise NoAnswerError(f"type {' or '.join(words)}")
            return line.lower()

        return await self._ask(part, f"{text} ({' or '.join(words)}):", read)

    async def reading(self, part: str, text: str, read: Callable[[str], T]) -> Answer[T] | None:
        """A question that is put off (None) as soon as anybody has another one. `read` may raise `NoAnswerError`.

        Raises:
            RigError: it failed, or nobody answered in time.
        """
        async with self._lock:
            ask = asyncio.ensure_future(self._ask(part, text, read))
            other = asyncio.ensure_future(self._put_off.wait())
            try:
                await asyncio.wait({ask, other}, return_when=asyncio.FIRST_COMPLETED)
                if ask.done():
                    return ask.result()
                self.say("    (put off)")
                return None
            finally:
                for task in (ask, other):
                    task.cancel()
                await asyncio.gather(ask, other, return_exceptions=True)

    async def _ask(self, part: str, text: str, read: Callable[[str], T], *, must: bool = False) -> Answer[T]:
        self._asked += 1
        question = f"[{self._asked}] {part}: {text}"
        self._terminal.forget()
        self.say(question)
        asked_s = self.now_s()
        try:
            async with asyncio.timeout(self.within_s):
                for _ in range(TRIES_MAX):
                    line = await self._terminal.read_line()
                    if line is None:
                        raise RigError(part, "nobody can answer: input has ended", "run it at a terminal")
                    try:
                        value = self._understood(part, line.strip(), read, must)
                    except NoAnswerError as hint:
                        self.say(f"    {hint}; ? says the question again" if str(hint) else question)
                        continue
                    return Answer(value=value, asked_s=asked_s, done_s=self.now_s())
        except TimeoutError:
            remedy = "stay at the terminal while a campaign runs; then `hil resume`"
            raise RigError(part, f'nobody answered "{text}" in {self.within_s:g} s', remedy) from None
        raise RigError(part, f'{TRIES_MAX} answers to "{text}" were none', "read the question; then `hil resume`")

    def _understood(self, part: str, line: str, read: Callable[[str], T], must: bool) -> T:
        if line == "?":
            raise NoAnswerError
        first, _, why = line.partition(" ")
        if first.lower() == "fail":
            if must:
                raise NoAnswerError("this cannot be left out: it makes the rig safe")
            if not why.strip():
                raise NoAnswerError("say why: fail WHY")
            raise RigError(part, f"given up by the operator: {why.strip()}", "put it right, then `hil resume`")
        return read(line)


def typed_value(line: str, unit: str) -> float:
    """A typed number in a base unit: `1980`, `1,98 kW`, of a share `66` or `66 %`.

    Raises:
        NoAnswerError: it is none.
    """
    shown = SHOWN.get(unit, unit)
    text = line.replace(",", ".") if line.count(",") == 1 and "." not in line else line
    try:
        found = parse_quantity(f"{text} {shown}" if text[-1:].isdigit() else text)
    except UnitError:
        raise NoAnswerError(f"type a number{_in(unit)}") from None
    if found.unit != unit:
        raise NoAnswerError(f"that is in {found.unit}; type a number{_in(unit)}")
    return found.value


def _in(unit: str) -> str:
    return f" in {SHOWN.get(unit, unit)}" if unit != "times" else ""
