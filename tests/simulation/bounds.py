"""What the design allows, in seconds to compare the truth with: detection, delays on the way, the plant's fall."""

from math import log

from hil.rig.twin_file import DerPart, TwinFile

TOLERANCE_SHARE = 0.01
"""Of nameplate: what counts as beyond the limit, as in the project's own account of excursions."""
ROW_S = 0.1
"""Distance of two rows of truth: an end is seen that much late."""
ON_THE_WAY_S = 0.2
"""From the shell's decision to the register: a cycle of 0.1 s, a request under way (15 ms), and our own (15 ms)."""
SEEING_S = 0.35
"""From a step to the first sample that shows most of it: update and window of 0.1 s each, poll and reply 0.06 s, and
what a second sample corrects."""
LOST_AFTER_S = 2.0


def tolerance_w(twin: TwinFile) -> float:
    """What may be beyond the limit without being an excursion (W)."""
    return TOLERANCE_SHARE * sum(part.nameplate_w for part in twin.ders)


def fall_s(part: DerPart, from_w: float, remaining_w: float) -> float:
    """From a lower cap in the register until all but `remaining_w` of a fall by `from_w` is made."""
    ramp_s = 100 * from_w / (part.ramp_down_pct_s * part.nameplate_w) if part.ramp_down_pct_s else 0.0
    lag_s = part.time_constant_s * log(max(1.0, from_w / remaining_w))
    return part.dead_time_s + part.dead_jitter_s + ramp_s + lag_s


def slowest_fall_s(twin: TwinFile, beyond_w: float) -> float:
    """The slowest of the DERs, each with the whole fall: longer than it can take together."""
    return max(fall_s(part, min(beyond_w, part.nameplate_w), tolerance_w(twin)) for part in twin.ders)


def response_s(twin: TwinFile, beyond_w: float) -> float:
    """From a step that leaves the flow `beyond_w` above the limit until it is back, with nothing out of order."""
    return SEEING_S + ON_THE_WAY_S + slowest_fall_s(twin, beyond_w) + ROW_S


def detected_s(period_s: float) -> float:
    """From a meter's last sample until its loss is acted on: max(2 s, 3 periods) and jitter (design section 6)."""
    return max(LOST_AFTER_S, 3.5 * period_s) + period_s


def safe_s(twin: TwinFile, beyond_w: float) -> float:
    """From the meter's failure until the flow is back inside the limit: detection, then the DERs' own time."""
    return detected_s(twin.meters[0].update_s) + ON_THE_WAY_S + slowest_fall_s(twin, beyond_w) + ROW_S
