"""What the journal knows of one DER's limits, without a disk: the rule of `pcs/io/intents.py`."""

from collections import deque

from pcs.io.intents import KEPT, LATE_S


class Told:
    """Limits that were told, and may still be on the DER."""

    def __init__(self) -> None:
        self._told: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self._confirmed_s: deque[float] = deque(maxlen=KEPT)

    def tell(self, limit_w: float, now_s: float) -> None:
        """It is about to be told; the same again is no news."""
        if not self._told or self._told[-1][1] != limit_w:
            self._told.append((now_s, limit_w))

    def confirm(self, now_s: float) -> None:
        """It holds the last one that was told: `LATE_S` later those before it are over."""
        self._confirmed_s.append(now_s)
        since_s = -1.0
        while self._confirmed_s[0] <= now_s - LATE_S:
            since_s = self._confirmed_s.popleft()
        while len(self._told) > 1 and self._told[1][0] <= since_s:
            self._told.popleft()

    def explains(self, limit_w: float, tolerance_w: float) -> bool:
        """Whether this limit is one of them."""
        return any(abs(told_w - limit_w) <= tolerance_w for _, told_w in self._told)
