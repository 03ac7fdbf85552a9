"""Several processes that play the runs of one campaign on virtual rigs: orders are handed out, news is gathered."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import hil
from hil.runner.play import Order
from hil.runner.session import Ended, News, Stopped
from hil.runner.worker import to_news

SILENT_MAX_S = (
    600.0  # of wall time; the longest case takes seconds on virtual time, and a news line comes at each state
)
END_WITHIN_S = 20.0  # a worker that was asked to stop gives up its run at the next turn of its loop
READ_BYTES = 65536
LINE_BYTES_MAX = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A worker has ended or fallen silent in the middle of an order; why."""

    reason: str


@dataclass(slots=True)
class _Hand:
    """One worker: what it is at, what of a line has come, when it was last heard."""

    process: "subprocess.Popen[bytes]"
    order: Order | None = None
    rest: bytes = b""
    heard_s: float = 0.0


class Crew:
    """The workers. Whoever made it closes it."""

    def __init__(self, count: int, folder: Path, rig: Path, maker: str, lock_fds: Sequence[int]):
        """Start the workers. They hold the campaign's locks as long as one of them lives."""
        self._command = [sys.executable, "-m", "hil.runner.worker", str(folder), str(rig), maker]
        paths = [str(Path(hil.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        self._fds = tuple(lock_fds)
        self._selector = selectors.DefaultSelector()
        self._hands: list[_Hand] = []
        for _ in range(count):
            self._start()

    def _start(self) -> None:
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
            pass_fds=self._fds,
            start_new_session=True,  # Ctrl-C is ours to pass on
        )
        assert process.stdout is not None
        hand = _Hand(process)
        self._hands.append(hand)
        self._selector.register(process.stdout, selectors.EVENT_READ, hand)

    @property
    def free(self) -> int:
        """How many have nothing to do."""
        return sum(1 for hand in self._hands if hand.order is None)

    @property
    def busy(self) -> int:
        """How many are at an order."""
        return len(self._hands) - self.free

    def give(self, order: Order) -> None:
        """Hand an order to somebody who has none; there must be one."""
        hand = next(hand for hand in self._hands if hand.order is None)
        hand.order, hand.heard_s = order, time.monotonic()
        line = json.dumps({"case": order.case.hash, "repeat": order.repeat, "attempt": order.attempt}).encode()
        assert hand.process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended; `hear` will find that out
            hand.process.stdin.write(line + b"\n")
            hand.process.stdin.flush()

    def hear(self, timeout_s: float) -> Iterator[tuple[Order, News | Ended | Stopped | Lost]]:
        """What has come within that time. Who is lost is replaced."""
        for key, _ in self._selector.select(timeout_s):
            yield from self._read(key.data)
        now_s = time.monotonic()
        for hand in tuple(self._hands):
            if hand.order is not None and now_s - hand.heard_s > SILENT_MAX_S:
                hand.process.kill()
                yield from self._lose(hand, f"its process was not heard of for {SILENT_MAX_S:g} s and was ended")

    def _read(self, hand: _Hand) -> Iterator[tuple[Order, News | Ended | Stopped | Lost]]:
        assert hand.process.stdout is not None
        content = os.read(hand.process.stdout.fileno(), READ_BYTES)
        if not content or len(hand.rest) > LINE_BYTES_MAX:
            code = hand.process.wait(END_WITHIN_S)
            yield from self._lose(hand, f"its process has ended with code {code}")
            return
        hand.heard_s = time.monotonic()
        *lines, hand.rest = (hand.rest + content).split(b"\n")
        for line in lines:
            news = to_news(json.loads(line))
            order = hand.order
            assert order is not None, "a worker speaks of orders alone"
            if isinstance(news, Ended | Stopped):
                hand.order = None
            yield order, news

    def _lose(self, hand: _Hand, reason: str) -> Iterator[tuple[Order, Lost]]:
        order = hand.order
        self._put_away(hand)
        if order is not None:
            self._start()
            yield order, Lost(reason=reason)

    def stop(self) -> None:
        """Ask everybody to give up what they are at; `hear` tells when they have."""
        for hand in self._hands:
            hand.process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """End everybody."""
        for hand in tuple(self._hands):
            hand.process.kill()
            self._put_away(hand)
        self._selector.close()

    def _put_away(self, hand: _Hand) -> None:
        assert hand.process.stdin is not None
        assert hand.process.stdout is not None
        self._hands.remove(hand)
        self._selector.unregister(hand.process.stdout)
        hand.process.stdout.close()
        with suppress(BrokenPipeError):
            hand.process.stdin.close()
        hand.process.wait(END_WITHIN_S)
