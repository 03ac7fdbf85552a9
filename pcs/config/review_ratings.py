"""Figures that follow from the rating of a point, each with the clause it comes from: for a person to compare.

They are no limits of the controller; what it holds stands under `limits`. Editions differ by jurisdiction, so each
figure names the edition that it was taken from.
"""

from dataclasses import dataclass

from pcs.core.policy import all_points, lies_behind
from pcs.core.service import conductor_v, shares
from pcs.model.site import DerKind, PointKind, PointSpec, Site

CONTINUOUS_SHARE = 0.8
"""1 / 125 %: NEC 2020 215.3 and 210.20(A), overcurrent devices against continuous load."""
SOURCE_FACTOR = 1.25
BUSBAR_FACTOR = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """One figure of a point in amperes per conductor: what it means, and where it comes from."""

    point: str
    current_a: float
    meaning: str
    clause: str


def ratings(site: Site) -> tuple[Rating, ...]:
    """The figures of every point that has a rating."""
    found: list[Rating] = []
    for point in all_points(site).values():
        if point.rating_a is not None:
            found += _of(site, point, point.rating_a)
    return tuple(found)


def _of(site: Site, point: PointSpec, rating_a: float) -> list[Rating]:
    sources_a = _sources_a(site, point)
    figures = [
        (rating_a, "rating", "site file"),
        (
            CONTINUOUS_SHARE * rating_a,
            "continuous current through an overcurrent device of this rating that is not listed for 100 %",
            "NEC 2020 215.3, 210.20(A): 125 % of the continuous load",
        ),
    ]
    if point.kind is PointKind.BUSBAR:
        figures += [
            (
                SOURCE_FACTOR * sources_a,
                f"125 % of what the sources on it put out ({sources_a:.1f} A)",
                "NEC 2020 705.12(B)(3)",
            ),
            (
                max(0.0, rating_a - SOURCE_FACTOR * sources_a),
                "largest overcurrent device ahead of it without a PCS, wherever the sources are",
                "NEC 2020 705.12(B)(3)(1): sum within 100 %",
            ),
            (
                max(0.0, BUSBAR_FACTOR * rating_a - SOURCE_FACTOR * sources_a),
                "largest overcurrent device ahead of it without a PCS, with the sources at the other end",
                "NEC 2020 705.12(B)(3)(2): sum within 120 %",
            ),
            (
                rating_a,
                "what a PCS keeps the sum of all infeeds within",
                "NEC 2020 705.13",
            ),
        ]
    return [Rating(point=point.id, current_a=a, meaning=words, clause=clause) for a, words, clause in figures]


def _sources_a(site: Site, point: PointSpec) -> float:
    """What all sources on a busbar put out at nameplate and nominal voltage, on the conductor with the most (A)."""
    points, volts = all_points(site), conductor_v(site.system, site.nominal_v)
    sums_a: list[float] = []
    for der in site.ders:
        if der.kind is DerKind.EVSE or not lies_behind(der, point.id, points):
            continue
        each_a = [share * der.most_w / volts for share in shares(site.system, der.connection, amperes=True)]
        sums_a = [a + b for a, b in zip(sums_a or [0.0] * len(each_a), each_a, strict=True)]
    return max(sums_a, default=0.0)
