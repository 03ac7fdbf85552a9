"""What the flow answers when the DERs move: all of it, its negative, or a part, in total and on each conductor."""

from enum import StrEnum

MOVE_SHARE = 0.05
"""A movement of 5 % of nameplate proves something (the probe envelope of DESIGN section 6)."""
STILL = 0.35
"""The sum that is the load stays within this share of the DERs' movement (telemetry and meter are not simultaneous)."""
CLEAR = 0.15
"""The flow keeps to a straight line over the DERs' movement within this share of it: a load that moves does not."""
PART_SHARES = (0.35, 0.6)
"""CTs that are swapped, taps that are turned and half of what is set answer with 0.5; less is a load that hides it."""
REST_SHARE, REST_S = 0.01, 1.5
"""DERs that have moved by less than 1 % in so long are at rest, and most windows show all of what they did before."""
Point = tuple[float, tuple[float, ...], float]
"""When (s), total and phases (W), and what the DERs injected (W)."""


class Wiring(StrEnum):
    """What is known of the meter's direction."""

    UNVERIFIED = "unverified"
    VERIFIED = "verified"
    DOUBTED = "doubted"
    WRONG = "wrong"


def since_load(points: tuple[Point, ...], nameplate_w: float) -> tuple[Point, ...]:
    """The points that an answer may be read from: without those before a load's step, while the DERs had come to rest.

    A window still shows the fall when that is over: only what jumps later is a load.
    """
    if len(points) < 2:
        return points
    (_, was_w, _), (_, is_w, _) = points[-2:]
    share = MOVE_SHARE / max(1, len(is_w) - 1)
    jumped = any(abs(b - a) > share * nameplate_w for a, b in zip(was_w, is_w, strict=True))
    return points[-1:] if jumped and rests(points, nameplate_w) else points


def rests(points: tuple[Point, ...], nameplate_w: float) -> bool:
    """Whether the DERs have moved by next to nothing of late."""
    now_s = points[-1][0]
    recent = [p for p in points if now_s - p[0] <= 2.0 * REST_S]
    return now_s - recent[0][0] >= REST_S and span_w([p[2] for p in recent]) < REST_SHARE * nameplate_w


def words_of_right(moved_w: float) -> str:
    """In words: the sign is right."""
    return f"flow answered {moved_w:.0f} W of the DERs with the right sign"


def words_of_wrong(k: int, moved_w: float) -> str:
    """In words: conductor `k` (0: the total) has the wrong sign."""
    where = "the total" if k == 0 else f"L{k}"
    return f"{where} follows the DERs' {moved_w:.0f} W with the wrong sign: CT reversed, or sign in the site file"


def words_of_part(k: int, share: float) -> str:
    """In words: conductor `k` answers with this share, which is neither 0 nor -1."""
    where = "the total" if k == 0 else f"L{k}"
    if share > 0.0:
        return f"{where} follows the DERs by {share:.0%}, with the wrong sign: CTs or voltage taps on wrong conductors"
    return f"{where} answers the DERs by {-share:.0%} only: CT ratio, or a parallel conductor that goes past the CT"


def verifies(points: tuple[Point, ...], move_w: float, phases: int) -> bool:
    """Whether the whole window, or its latest part since the load last jumped, shows a movement with the right sign.

    In the total, and on each of so many phases.
    """
    for first in range(len(points) - 1):
        part = points[first:]
        if span_w([p[2] for p in part]) < move_w:
            return False  # a shorter part moves no more
        if all(answer(part, k, phases) is Wiring.VERIFIED for k in range(1 + phases)):
            return True
    return False


def answer(points: tuple[Point, ...], k: int, phases: int) -> Wiring:
    """Whether conductor `k` (0: the total) answers with the right sign, with the wrong one, or unclearly.

    Right: `import + injection` stands still, which is the load. Wrong: `import - injection` does.
    """
    part = 1.0 if k == 0 else 1.0 / phases
    moved_w = span_w([p[2] for p in points]) * part
    right_w = span_w([p[1][k] + part * p[2] for p in points])
    reversed_w = span_w([p[1][k] - part * p[2] for p in points])
    if right_w < STILL * moved_w:
        return Wiring.VERIFIED
    if reversed_w < STILL * moved_w and right_w > 1.4 * moved_w:
        return Wiring.WRONG
    return Wiring.UNVERIFIED


def in_part(points: tuple[Point, ...], k: int, phases: int) -> float | None:
    """Which share of the DERs' movement the flow answers, where it clearly answers with another than the whole of it.

    -1 is a right-wired meter. CTs on each other's conductor, or voltage taps one conductor off, answer with +0.5; half
    a ratio, or one of two parallel conductors, with -0.5. None: the answer is not clear, or it may be right.
    """
    part = 1.0 if k == 0 else 1.0 / phases
    flows_w, moved_w = [p[1][k] for p in points], [part * p[2] for p in points]
    mean_w, middle_w = sum(flows_w) / len(points), sum(moved_w) / len(points)
    square = sum([(w - middle_w) ** 2 for w in moved_w])
    both = sum([(f - mean_w) * (w - middle_w) for f, w in zip(flows_w, moved_w, strict=True)])
    share = both / square if square > 0.0 else 0.0
    rest_w = span_w([f - share * w for f, w in zip(flows_w, moved_w, strict=True)])
    least_share, most_share = PART_SHARES
    unclear = rest_w > CLEAR * span_w(moved_w) or abs(share) < least_share
    return None if unclear or share < -most_share else share


def span_w(values_w: list[float]) -> float:
    """From the least to the most of them."""
    return max(values_w) - min(values_w) if values_w else 0.0
