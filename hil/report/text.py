"""How a report writes numbers and verdicts: digits that mean something, and letters that are read without colours."""

from dataclasses import dataclass

from hil.analysis.result import Verdict
from hil.profile.words import Measure
from hil.verdict.campaign import lacking
from hil.verdict.model import CaseResult

MINUS = "\u2212"
NOT_STATED = "not stated"
NOT_RUN = "NOT RUN"
CANNOT = "RIG CANNOT"
DIGITS = 4  # of a value that has no uncertainty of its own
KILO_W = 2000.0  # from here on a plot is in thousands


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A verdict as it is shown. `key` is its class in style sheets, `letter` what stands in the matrix."""

    key: str
    word: str
    letter: str
    says: str


KINDS = (  # in order of what must be read first
    Kind(key="fail", word="FAIL", letter="F", says="a criterion is broken, with its uncertainty"),
    Kind(key="invalid", word="INVALID", letter="X", says="the record does not allow a verdict"),
    Kind(key="unsure", word="INDETERMINATE", letter="?", says="the limit lies inside the interval of uncertainty"),
    Kind(key="notrun", word=NOT_RUN, letter="N", says="there is no run of it"),
    Kind(key="pass", word="PASS", letter="P", says="every criterion holds, with its uncertainty"),
    Kind(key="cannot", word=CANNOT, letter="-", says="this rig cannot do it; the reason is listed"),
)
BY_WORD = {kind.word: kind for kind in KINDS}

MEASURE_NAMES = {
    Measure.OLRT: "OLRT, literal",
    Measure.T90_FROM_EXTREME: "90 % from the extreme",
    Measure.OLRT_JUDGED: "OLRT, judged",
    Measure.BACK_UNDER_LIMIT: "back under the limit",
    Measure.SETTLING_2: "settling, 2 %",
    Measure.SETTLING_5: "settling, 5 %",
    Measure.OVERSHOOT: "overshoot",
    Measure.INITIAL: "initial",
    Measure.EXTREME: "extreme",
    Measure.FINAL: "final",
    Measure.PEAK_EXCESS: "greatest excess",
    Measure.INADVERTENT: "inadvertent",
    Measure.DEAD_TIME: "dead time",
    Measure.LAG: "lag",
}


def kind_of(case: CaseResult) -> Kind:
    """How a case is shown: its verdict, or that it has not been run, or that the rig cannot do it."""
    if lacking(case):
        return BY_WORD[CANNOT]
    return BY_WORD[case.verdict.value] if case.runs else BY_WORD[NOT_RUN]


def verdict_kind(verdict: Verdict | None) -> Kind | None:
    """How a verdict is shown; None where there is none."""
    return BY_WORD[verdict.value] if verdict is not None else None


def measure_unit(measure: Measure, unit: str) -> str:
    """The unit of a measure, where the response is in `unit`."""
    if measure is Measure.INADVERTENT:
        return f"{unit}h"
    if measure.value.endswith("_s"):
        return "s"
    return "%" if measure is Measure.OVERSHOOT else unit


def number(value: float | None, u_value: float | None = None) -> str:
    """A number as people read it, to the place that its uncertainty (expanded) leaves meaningful; empty for None."""
    if value is None:
        return ""
    if u_value is not None and u_value > 0.0:
        return f"{value:.{_places(u_value)}f}".replace("-", MINUS)
    return _plain(value).replace("-", MINUS)


def with_u(value: float | None, u_value: float | None, unit: str = "") -> str:
    """`1.62 ± 0.05 s`, the uncertainty with two digits; empty for None."""
    if value is None:
        return ""
    spread = f" ± {u_value:.{_places(u_value)}f}" if u_value is not None and u_value > 0.0 else ""
    return f"{number(value, u_value)}{spread} {unit}".rstrip()


def _places(u_value: float) -> int:
    """Decimals that show two digits of an uncertainty."""
    places = 1 - int(f"{u_value:e}".partition("e")[2])
    return max(0, min(6, places))


def _plain(value: float) -> str:
    if value == 0.0:
        return "0"
    if abs(value) >= 10.0 ** (DIGITS - 1):
        return f"{value:.0f}"
    text = f"{value:.{DIGITS}g}"
    return text if "e" not in text else f"{value:.6f}".rstrip("0").rstrip(".")
