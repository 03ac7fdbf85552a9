"""The interval contains what a plant of the band injects, whatever it is told and wants: from above and from below.

No controller is in the loop: commands come at random, are confirmed late or never, and telemetry is as old as the
profile says at most. The plant wants to inject `wish` of its rating and is held between floor and cap.
"""

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import exp

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pcs.core import observe
from pcs.model.profile import DerTiming
from pcs.model.units import Band

EXAMPLES = int(os.environ.get("CORE_PLANTS", "0"))
DT_S = 0.02
RATED_W = 10_000.0
TIMING = DerTiming(
    dead_time_s=Band(lo=0.1, hi=0.8), time_constant_s=Band(lo=0.05, hi=0.8), ramp_pct_s=25.0, telemetry_s=0.8
)
TOLERANCE_W = 0.06 * RATED_W
"""Two per cent that a raise may be short of its cap and lift nothing, and what a plant moves until it speaks again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One run. An order: seconds after the one before, two bounds (shares), when it is confirmed (None: never)."""

    least: float
    wish: float
    dead_s: float
    lag_s: float
    ramp_pct_s: float
    late_s: float
    every_s: float
    orders: tuple[tuple[float, float, float, float | None], ...]


SCENES = st.builds(
    Scene,
    least=st.sampled_from([0.0, -0.6, -1.0]),
    wish=st.floats(-1.2, 1.2),
    dead_s=st.floats(0.1, 0.8),
    lag_s=st.floats(0.05, 0.8),
    ramp_pct_s=st.sampled_from([25.0, 60.0, 1000.0]),
    late_s=st.floats(0.0, 0.5),
    every_s=st.floats(0.1, 0.3),
    orders=st.lists(
        st.tuples(
            st.one_of(st.floats(0.04, 0.3), st.floats(0.3, 5.0)),
            st.floats(0.0, 1.0),
            st.floats(0.0, 1.0),
            st.one_of(st.floats(0.02, 0.4), st.none()),
        ),
        min_size=1,
        max_size=12,
    ).map(tuple),
)


class Plant:
    """Dead time, then a lag whose rate is limited."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.floor_w, self.cap_w = scene.least * RATED_W, RATED_W
        self.injection_w = self.goal_w
        self.coming: deque[tuple[float, float, float]] = deque()

    @property
    def goal_w(self) -> float:
        return max(self.floor_w, min(self.cap_w, self.scene.wish * RATED_W))

    def move(self, now_s: float) -> None:
        while self.coming and self.coming[0][0] <= now_s:
            _, self.floor_w, self.cap_w = self.coming.popleft()
        most_w = self.scene.ramp_pct_s / 100.0 * RATED_W * DT_S
        step_w = (self.goal_w - self.injection_w) * (1.0 - exp(-DT_S / self.scene.lag_s))
        self.injection_w += max(-most_w, min(most_w, step_w))


def run(scene: Scene, check: Callable[[float, float, observe.Track], None]) -> None:
    """Tell the plant and the observer the same, and let the observer hear what the plant says."""
    plant, track = Plant(scene), observe.unknown(0.0, scene.least * RATED_W, RATED_W, sun=False)
    due, acks, at_s = deque[tuple[float, float, float, float | None]](), list[tuple[float, float, float, float]](), 1.0
    for after_s, one, two, ack_s in scene.orders:
        at_s += after_s
        low, high = sorted(scene.least + share * (1.0 - scene.least) for share in (one, two))
        due.append((at_s, low * RATED_W, high * RATED_W, ack_s))
    shown: deque[tuple[float, float]] = deque()
    next_said_s = 0.0
    for n in range(int((at_s + 4.0) / DT_S)):
        now_s = n * DT_S
        plant.move(now_s)
        track = observe.advance(track, now_s, TIMING, 0.2)
        while due and due[0][0] <= now_s:
            _, floor_w, cap_w, ack_s = due.popleft()
            floor_w = scene.least * RATED_W if scene.least == 0.0 else floor_w
            track = observe.tell(track, now_s, floor_w, cap_w)
            arrives_s = max(now_s + (ack_s or 0.0) / 2, plant.coming[-1][0] - scene.dead_s if plant.coming else 0.0)
            plant.coming.append((arrives_s + scene.dead_s, floor_w, cap_w))
            if ack_s is not None:
                acks.append((max(now_s + ack_s, arrives_s), now_s, floor_w, cap_w))
        for ack in [a for a in acks if a[0] <= now_s]:
            acks.remove(ack)
            track = observe.confirm(track, ack[2], ack[3], ack[1], now_s)
        shown.append((now_s + scene.late_s, plant.injection_w))
        said_w = None
        while shown and shown[0][0] <= now_s:
            said_w = shown.popleft()[1]
        if now_s >= next_said_s and said_w is not None:
            next_said_s = now_s + scene.every_s
            track = observe.correct(track, said_w, now_s - 0.02, now_s, TIMING)
        check(now_s, plant.injection_w, track)


@settings(
    deadline=None,
    max_examples=EXAMPLES or 40,
    derandomize=not EXAMPLES,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(SCENES)
def test_no_plant_of_the_band_leaves_its_interval(scene: Scene) -> None:
    def contains(now_s: float, injection_w: float, track: observe.Track) -> None:
        lo_w, hi_w = observe.present(track)
        assert lo_w - TOLERANCE_W <= injection_w <= hi_w + TOLERANCE_W, now_s

    run(scene, contains)
