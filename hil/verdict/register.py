"""The register of every OLRT: one entry for each step of each run, and how such times changed over the months."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from hil.profile.mistake import BadFileError
from hil.profile.rig_sheet import RigSheet, parse_rig
from hil.record.model import Campaign
from hil.verdict.case import counted
from hil.verdict.model import CampaignResult, CaseResult, RunResult, StepResult
from hil.verdict.together import student_t_factor

DAY_S = 86_400.0
MONTH_DAYS = 30.0
LEAST_DAYS = 1.0  # of a trend: within a day it is no ageing, and the slope would be a huge number


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One OLRT. `olrt_judged_s` None: there is no number, and `verdict` (that of the case) says what follows.

    `campaign` is the folder below the register's root, `judged` the SHA-256 of the results.json that it was read from.
    """

    campaign: str
    judged: str
    started_utc: str
    device: str
    firmware: str
    rig: str
    profile: str
    version: int
    case: str
    repeat: int
    step: int
    run: str
    olrt_s: float | None
    olrt_judged_s: float | None
    olrt_judged_u95_s: float | None
    back_under_limit_s: float | None
    grade: str
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """How judged OLRTs change: seconds per 30 days, common to all cases, each with a level of its own.

    The uncertainty is that of the scatter (95 %, Student's t): what all entries share cancels in a slope.
    """

    count: int
    cases: int
    slope_s: float
    slope_u95_s: float

    @property
    def is_real(self) -> bool:
        """Whether the slope is larger than its uncertainty."""
        return abs(self.slope_s) > self.slope_u95_s


def entries_of(result: CampaignResult, campaign: str, judged: str) -> tuple[Entry, ...]:
    """Every step of every run that counts."""
    sheet = _sheet(result.campaign)
    device = sheet.device if sheet else None
    name = " ".join(part for part in (device.maker, device.model, device.serial) if part) if device else ""
    about = {
        "campaign": campaign,
        "judged": judged,
        "device": name,
        "firmware": (device.firmware or "") if device else "",
        "rig": sheet.id if sheet else result.campaign.rig_file,
    }
    return tuple(
        _entry(case, run, step, run.started_utc or result.campaign.started_utc, about)
        for case in result.cases
        for run in counted(case.runs)
        for step in run.steps
    )


def _entry(case: CaseResult, run: RunResult, step: StepResult, started_utc: str, about: Mapping[str, str]) -> Entry:
    return Entry(
        **about,
        started_utc=started_utc,
        profile=case.case.profile,
        version=case.case.version,
        case=case.case.id,
        repeat=run.repeat,
        step=step.number,
        run=run.folder,
        olrt_s=step.net.olrt_s,
        olrt_judged_s=step.net.olrt_judged_s,
        olrt_judged_u95_s=step.net.olrt_judged_u95_s,
        back_under_limit_s=step.net.back_under_limit_s,
        grade=case.grade.value if case.grade else "",
        verdict=case.verdict.value,
    )


def _sheet(campaign: Campaign) -> RigSheet | None:
    try:
        return parse_rig(campaign.rig_text, campaign.rig_file)
    except BadFileError:
        return None


def newest(entries: Sequence[Entry], judged: Mapping[str, str]) -> tuple[Entry, ...]:
    """Those of each campaign's results as they are now (`judged`: campaign -> SHA-256), by time."""
    live = [entry for entry in entries if judged.get(entry.campaign) == entry.judged]
    return tuple(sorted(live, key=lambda entry: (entry.started_utc, entry.case, entry.repeat, entry.step)))


def filtered(
    entries: Sequence[Entry], words: Mapping[str, str], version: int | None, since: str, until: str
) -> tuple[Entry, ...]:
    """Entries whose fields hold these words (whatever their capitals), made from `since` until before `until` (ISO)."""

    def wanted(entry: Entry) -> bool:
        holds = all(word.lower() in str(getattr(entry, name)).lower() for name, word in words.items() if word)
        in_time = entry.started_utc >= since and (not until or entry.started_utc < until)
        return holds and in_time and version in (None, entry.version)

    return tuple(entry for entry in entries if wanted(entry))


def trend(entries: Sequence[Entry]) -> Trend | None:
    """The common slope of all cases; None where they do not say one (too few, or within a day)."""
    groups: dict[tuple[str, str, int, int], list[tuple[float, float]]] = {}
    for entry in entries:
        if entry.olrt_judged_s is not None and entry.started_utc:
            key = (entry.rig, entry.case, entry.version, entry.step)
            groups.setdefault(key, []).append((_days(entry.started_utc), entry.olrt_judged_s))
    levels = [np.array(group) for group in groups.values() if len(group) > 1]
    if not levels:
        return None
    x = np.concatenate([group[:, 0] - np.mean(group[:, 0]) for group in levels])
    y = np.concatenate([group[:, 1] - np.mean(group[:, 1]) for group in levels])
    freedom = len(x) - len(levels) - 1
    if freedom < 1 or np.ptp(x) < LEAST_DAYS:
        return None
    square = float(np.sum(x * x))
    slope = float(np.sum(x * y)) / square
    rest = y - slope * x
    u_slope = float(np.sqrt(np.sum(rest * rest) / freedom / square))
    return Trend(
        count=len(x),
        cases=len(levels),
        slope_s=MONTH_DAYS * slope,
        slope_u95_s=MONTH_DAYS * student_t_factor(freedom) * u_slope,
    )


def _days(started_utc: str) -> float:
    return datetime.fromisoformat(started_utc.replace("Z", "+00:00")).timestamp() / DAY_S
