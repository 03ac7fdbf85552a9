"""A supervisor as a process whose GPIO line is its standard output: one byte for each edge. Run by the tests.

python -m tests.supervisor_pulses FOLDER WAY: WAY says how it dies after two seconds (run, raise, wedge).
"""

import os
import sys
import time
from pathlib import Path

from pcs.supervisor.loop import Supervisor, Wishes
from pcs.supervisor.memory import Memory
from pcs.supervisor.relay import PulsedOutput
from pcs.supervisor.state import Seen
from tests.supervisor_kit import flow_w, spec

DIES_AFTER_S = 2.5


class _Edges:
    def set(self, active: bool) -> None:
        os.write(1, b"1" if active else b"0")

    def close(self) -> None: ...


class _Dying:
    def __init__(self, way: str) -> None:
        self._way, self._began_s = way, time.monotonic()

    def look(self, now_s: float) -> Seen | None:
        if time.monotonic() - self._began_s > DIES_AFTER_S:
            if self._way == "raise":
                os.write(2, b"x")
                raise RuntimeError("the floor gave way")
            if self._way == "wedge":
                os.write(2, b"x")
                time.sleep(1000)
        return flow_w(0.0, now_s)

    def trouble(self) -> str:
        return ""

    def close(self) -> None: ...


def main() -> None:
    given = spec(settle_s=1.0, feedback=None)
    output = PulsedOutput(_Edges(), given.relay.feed_s)
    Supervisor(given, _Dying(sys.argv[2]), output, Memory(Path(sys.argv[1]))).run(Wishes())


if __name__ == "__main__":
    main()
