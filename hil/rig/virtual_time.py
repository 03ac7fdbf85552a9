"""An event loop on virtual time: its clock jumps from timer to timer, and its connections are in memory.

Everything written for asyncio runs on it unchanged, one thread, no file: servers, clients, streams, timeouts. The same
program gives the same trace to the last bit. A loop on which nothing is ready and nothing is due would wait for ever;
here that is an error, as is one that goes round and round without letting time pass.
"""

import asyncio
import heapq
import socket
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context
from itertools import count
from typing import Any, TypeVar, TypeVarTuple

from hil.rig.virtual_net import ProtocolFactory, VirtualNet, address_of

RESOLUTION_S = 1e-9
"""Timers closer together than this fall due together."""
HORIZON_S = 4_000_000.0
"""46 days; beyond 2**22 s a double holds no nanoseconds any more, and a due timer might not be seen to be due."""
TURNS_MAX = 1_000_000
"""Turns of the loop at one instant. A busy site needs some tens; a million takes a second or two."""

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


class StandstillError(RuntimeError):
    """Virtual time cannot go on: nothing is due, everything happens at once, or the horizon is reached."""


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop. `time()` begins at 0 and is at a timer exactly what that timer was set to.

    Timers of one instant fall due in the order in which they were set. The turn is the loop's own: that of
    `BaseEventLoop` does the same for files, threads and a clock that goes on by itself, at twice the cost.
    """

    _ready: deque[asyncio.Handle]
    _stopping: bool
    _check_closed: Callable[[], None]

    def __init__(self) -> None:
        super().__init__()
        self._now_s, self._turns = 0.0, 0
        self._due: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._timers = count()
        self._net = VirtualNet(self)
        self._thread = threading.get_ident()

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now_s

    def skip(self, seconds_s: float) -> None:
        """Let time pass while nothing runs, as for a process that is stopped; what fell due comes all at once after."""
        self._now_s += seconds_s

    def call_at(
        self, when: float, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As of every loop; of several timers for the same instant the one that was set first comes first."""
        self._check_closed()
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._due, (when, next(self._timers), timer))
        return timer

    def call_later(
        self, delay: float, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As of every loop."""
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def close(self) -> None:
        """As of every loop."""
        super().close()
        self._due.clear()

    def _run_once(self) -> None:
        """One turn: where nothing is ready time goes on to the next timer; then all that is ready by now runs."""
        due, ready = self._due, self._ready
        while due and due[0][2].cancelled():
            heapq.heappop(due)
        if ready or self._stopping:
            self._turn_at_once()
        else:
            self._go_on()
        end_s = self._now_s + RESOLUTION_S
        while due and due[0][0] < end_s:
            ready.append(heapq.heappop(due)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()  # noqa: SLF001  # as the turn of BaseEventLoop does

    def _turn_at_once(self) -> None:
        """A turn without time passing.

        Raises:
            StandstillError: too many of them.
        """
        self._turns += 1
        if self._turns > TURNS_MAX:
            self._turns = 0  # tasks may still be ended in good order
            raise StandstillError(
                f"{TURNS_MAX} turns of the loop at {self._now_s} s: something calls itself again without waiting"
            )

    def _go_on(self) -> None:
        """Go to the next timer, unless that is past already.

        Raises:
            StandstillError: there is none, or it is beyond the horizon.
        """
        if not self._due:
            raise StandstillError(
                f"nothing is ready and nothing is due at {self._now_s} s: every task waits for another one. "
                "Likely a reply that never comes and is awaited without a timeout"
            )
        due_s = self._due[0][0]
        if due_s > HORIZON_S:
            raise StandstillError(f"virtual time ends at {HORIZON_S} s, and the next timer is due at {due_s} s")
        if due_s <= self._now_s:
            self._turn_at_once()
        else:
            self._now_s, self._turns = due_s, 0

    # -- connections

    async def create_server(
        self, protocol_factory: ProtocolFactory, host: Any = None, port: Any = None, **options: Any
    ) -> Any:
        """Listen at once on one IPv4 address, or on all of them without a host; port 0 takes a free one.

        Raises:
            OSError: the port is taken, or the host is a name.
            NotImplementedError: an option that is only for real sockets.
        """
        _refuse(options, "backlog", "family", "flags", "reuse_address", "reuse_port", "start_serving")
        name, number = address_of(host[0] if isinstance(host, list | tuple) and len(host) == 1 else host, port)
        return self._net.listen(protocol_factory, name, number)

    async def create_connection(
        self, protocol_factory: ProtocolFactory, host: Any = None, port: Any = None, **options: Any
    ) -> Any:
        """Connect on the next turn.

        Raises:
            OSError: nobody listens there, or the host is a name.
            NotImplementedError: an option that is only for real sockets.
        """
        source = options.pop("local_addr", None)
        _refuse(options, "family", "flags", "happy_eyeballs_delay", "interleave", "all_errors", "proto")
        to = address_of(host, port)
        await asyncio.sleep(0)
        transport = self._net.connect(to, None if source is None else address_of(*source))
        protocol = protocol_factory()
        try:
            transport.begin(protocol)
        except BaseException:
            transport.abort()
            raise
        return transport, protocol

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> list[Any]:
        """The one address of an IPv4 number or `localhost`."""
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address_of(host, port))]

    # -- one thread

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Arguments], T], *args: *Arguments
    ) -> asyncio.Future[T]:
        """Call `func` now and here, so that nothing depends on how fast another thread is; it must not wait for us."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done

    def call_soon_threadsafe(
        self, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.Handle:
        """As `call_soon`, from this thread.

        Raises:
            RuntimeError: from another thread, of which virtual time cannot know when it comes.
        """
        if threading.get_ident() != self._thread:
            raise RuntimeError("a virtual loop belongs to the thread that made it; nothing may come from another one")
        return self.call_soon(callback, *args, context=context)

    # -- what BaseEventLoop leaves to its children

    def _write_to_self(self) -> None:
        """Nobody sleeps who would have to be woken."""


def _refuse(options: dict[str, Any], *harmless: str) -> None:
    """Say which option has no meaning in memory; what is None or harmless passes.

    Raises:
        NotImplementedError: with the names of the others.
    """
    strange = sorted(name for name, value in options.items() if value and name not in harmless)
    if strange:
        raise NotImplementedError(f"no {', '.join(strange)} on a virtual loop: its connections are in memory")


def virtual_loop() -> VirtualLoop:
    """A loop whose `time()` starts at zero and jumps from event to event."""
    return VirtualLoop()


def run_virtually(work: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` on virtual time: what is left over at the end is cancelled and waited for."""
    with asyncio.Runner(loop_factory=virtual_loop) as runner:
        return runner.run(work)
