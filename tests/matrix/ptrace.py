"""Stops one thread of a process and no other, by ptrace(2): an event loop that is wedged while the process lives on.

No hook in the process: its main thread, which runs the loop, gets no time; its journal's thread goes on. SIGSTOP would
stop all of them. Linux alone; the caller must be the parent of the process or root.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17  # linux/ptrace.h
_WALL = 0x40000000  # linux/wait.h: children of any kind
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.restype = ctypes.c_long
_LIBC.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


@contextmanager
def wedged(thread_id: int) -> Iterator[None]:
    """Within this block the thread stands still. The main thread of a process has the number of the process.

    Raises:
        OSError: it may not be traced, or there is none.
    """
    _call(_SEIZE, thread_id)
    try:
        _call(_INTERRUPT, thread_id)
        os.waitpid(thread_id, _WALL)
        yield
    finally:
        _call(_DETACH, thread_id)


def _call(request: int, thread_id: int) -> None:
    if _LIBC.ptrace(request, thread_id, None, None) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), f"thread {thread_id}")
