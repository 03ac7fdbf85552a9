"""What is said of runs, cases and campaigns. Everything here can be made again from the records."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hil.analysis.result import Grade, Measurement, Verdict
from hil.profile.model import Case, Criterion
from hil.record.model import Campaign, End

RESULTS_SCHEMA = "hil.results/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """The response to one step of the stimulus (from 1): the net quantity, and each phase where it was recorded.

    Of currents, which have no sum, `net` is the conductor that decides. `answered`: whether the output of a DER moved
    (None: not recorded), for responses that do not.
    """

    number: int
    net: Measurement
    phases: Mapping[str, Measurement] = field(default_factory=dict)
    answered: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """One run, measured. `folder` and `digest` name the record that it was made from.

    A run that could not be measured has no steps, and `reason` says why. `overdue`: instruments whose calibration had
    expired on the day of the run; `uncertainty_ratio`: of the instrument that recorded the response, of the value,
    expanded.
    """

    repeat: int
    attempt: int
    end: End
    reason: str
    folder: str
    digest: str
    steps: tuple[StepResult, ...]
    started_utc: str = ""
    overdue: tuple[str, ...] = ()
    uncertainty_ratio: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionResult:
    """One criterion against all runs. `value` and `u95_value` in the criterion's unit; None: there is no number.

    `reason` says what decided; `repeat` and `step` where the deciding value was seen (0: over all of them).
    """

    criterion: Criterion
    verdict: Verdict
    value: float | None
    u95_value: float | None
    reason: str
    repeat: int = 0
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A measure over all repeats and steps: how many have it, and their least, average, greatest and deviation."""

    count: int
    least_value: float
    average_value: float
    greatest_value: float
    deviation_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """One case. The verdict is the worst of its criteria; `grade` the worst of its runs, lowered where `notes` say so.

    A case that was not run has no runs and the verdict INVALID with the reason.
    """

    case: Case
    verdict: Verdict
    reason: str
    grade: Grade | None
    criteria: tuple[CriterionResult, ...]
    runs: tuple[RunResult, ...]
    spreads: Mapping[str, Spread] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignResult:
    """A whole campaign. `analysis` is the version of the analysis that judged."""

    campaign: Campaign
    analysis: str
    cases: tuple[CaseResult, ...]
