"""A campaign that never took place: real cases of the library, first-order answers with a known OLRT, all verdicts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np

from hil.analysis.build import Quantity
from hil.analysis.channel import parse_channel
from hil.analysis.judge import judge
from hil.analysis.movement import Side
from hil.analysis.result import Measurement, Question, Verdict
from hil.profile.model import Case, Criterion
from hil.profile.select import select_profiles
from hil.profile.words import Measure, Verb
from hil.record.model import Campaign, End, Mark, People, RunRecord
from hil.record.recording import Recording
from hil.report.access import Unreadable
from hil.verdict.model import CampaignResult, CaseResult, CriterionResult, RunResult, Spread, StepResult

LN10 = float(np.log(10.0))
RIG = Path(__file__).parents[1] / "test_profiles" / "rigs" / "simulated-wye.yaml"
METER = "    driver: simulated\n    channels: [poi.import_w"
LAB_METER = '    driver: human\n    instrument: "{}"\n    calibration_due: {}\n    channels: [poi.import_w'
PEOPLE = People(
    operator="A. Operator",
    laboratory="A Laboratory",
    supply="230/400 V, 50 Hz, simulated",
    deviations=("The load bank steps to 98 % of what was asked.",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How the response comes back: OLRT = dead time + ln 10 * lag. `moves` False: never; `noise_w` of each sample."""

    olrt_s: float = 1.5
    dead_time_s: float = 0.2
    moves: bool = True
    noise_w: float = 4.0
    update_s: float = 0.02
    hunting: bool = False


@dataclass(slots=True)
class MadeUp:
    """Records that are made when they are asked for; a folder in `lost` cannot be read."""

    answers: dict[str, tuple[Case, Answer]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    reads: int = 0

    def read(self, run: RunResult) -> RunRecord | Unreadable:
        """As `Records.read`."""
        self.reads += 1
        if run.folder in self.lost:
            return Unreadable(reason="power.h5 is not there")
        case, answer = self.answers[run.folder]
        return run_record(case, run, answer)


def run_record(case: Case, run: RunResult, answer: Answer) -> RunRecord:
    """One run of a case: the response jumps beyond its limit at each step and comes back."""
    recording = made_up(case, answer, seed=run.repeat)
    return RunRecord(
        case=case,
        repeat=run.repeat,
        attempt=run.attempt,
        end=run.end,
        reason=run.reason,
        started_utc="2026-03-01T10:00:00Z",
        marks=(Mark(t_s=case.record.pre_s, what="set_load", step=1),),
        identity={"configuration_hash": "sha256:0a1b2c3d", "firmware": "1.2.3"},
        recordings=(recording,),
        folder=run.folder,
        digest=run.digest,
    )


def made_up(case: Case, answer: Answer, seed: int = 0) -> Recording:
    """The samples: 50 a second, each channel that the case asks for, one conductor each where it asks so."""
    random = np.random.default_rng(seed)
    starts = sorted({step.at_s or 0.0 for step in case.stimulus.steps if step.verb is not Verb.WAIT})
    end_s = case.record.pre_s + case.stimulus.last_s + case.record.post_s
    t_s = np.arange(0.0, end_s, answer.update_s)
    sign = -1.0 if case.response.side == "below" else 1.0
    limit = sign * (case.response.limit_value or 0.0)
    size = sign * (20.0 if case.response.unit == "A" else 3000.0)
    lag_s = (answer.olrt_s - answer.dead_time_s) / LN10
    response, stimulus, output = np.full_like(t_s, limit - 0.02 * size), np.zeros_like(t_s), np.zeros_like(t_s)
    for k, at_s in enumerate(starts):
        since_s = t_s - case.record.pre_s - at_s - 0.137
        left = np.where(since_s < answer.dead_time_s, 1.0, np.exp(-(since_s - answer.dead_time_s) / lag_s))
        left = np.ones_like(left) if not answer.moves else left
        left = np.maximum(left, 0.3 * np.sin(since_s) + 0.4) if answer.hunting else left
        response += np.where(since_s >= 0.0, size * left, 0.0)
        stimulus += np.where(since_s >= 0.0, (-1.0) ** (k + 1) * abs(size), 0.0)
        output += np.where(since_s >= 0.0, -sign * abs(size) * (1.0 - left), 0.0)
    contact = ".contact" in case.stimulus.channel
    channels = {case.stimulus.channel: np.abs(np.sign(stimulus)) if contact else stimulus - min(stimulus.min(), 0.0)}
    for name in case.record.channels:
        if name == case.response.channel:
            channels[name] = response + answer.noise_w * (0.01 if case.response.unit == "A" else 1.0) * (
                random.standard_normal(len(t_s))
            )
        elif name not in channels:
            channels[name] = output + 5200.0 if name.endswith("_w") else np.full_like(t_s, 230.0)
    if case.record.each_phase:
        channels = {
            f"{name}.L{k}": y / (3.0 if name.endswith("_w") else 1.0) for name, y in channels.items() for k in (1, 2, 3)
        }
    return Recording(name="power", t_s=t_s, channels=channels)


def measured(case: Case, answer: Answer, seed: int) -> tuple[StepResult, ...]:
    """The analysis' own figures of one run."""
    recording = made_up(case, answer, seed)
    names = [case.stimulus.channel, case.response.channel]
    if case.record.each_phase:
        names = [" + ".join(f"{name}.L{k}" for k in (1, 2, 3)) for name in names]
    terms = [parse_channel(name, list(recording.channels)) for name in names]
    within = [c.limit_value for c in case.criteria if c.measure is Measure.OLRT_JUDGED]
    count = sum(1 for step in case.stimulus.steps if step.verb is not Verb.WAIT) if case.response.steps == "each" else 1
    found = []
    for k in range(count):
        question = Question(
            side=Side(case.response.side),
            limit_value=case.response.limit_value,
            tolerance_value=case.response.tolerance_value,
            within_s=within[0] if within else None,
            number=k + 1,
        )
        quantity = Quantity.A if case.response.unit == "A" else Quantity.W
        judged = judge(recording, terms[0], terms[1], quantity, question)
        found.append(StepResult(number=k + 1, net=judged.headline, phases=judged.parts))
    return tuple(found)


def case_result(case: Case, answer: Answer, records: MadeUp, repeats: int = 0) -> CaseResult:
    """All repeats of a case, measured, and each criterion decided in the simplest way."""
    runs = []
    for repeat in range(1, (repeats or case.repeats) + 1):
        folder = f"{case.hash[:12]}-r{repeat}-a1"
        records.answers[folder] = (case, answer)
        steps = measured(case, answer, repeat)
        digest = f"{abs(hash_of(folder)):064x}"
        runs.append(
            RunResult(repeat=repeat, attempt=1, end=End.COMPLETE, reason="", folder=folder, digest=digest, steps=steps)
        )
    criteria = tuple(decided(criterion, runs) for criterion in case.criteria)
    order = (Verdict.INVALID, Verdict.FAIL, Verdict.INDETERMINATE, Verdict.PASS)
    worst = min(criteria, key=lambda found: order.index(found.verdict))
    return CaseResult(
        case=case,
        verdict=worst.verdict,
        reason=worst.reason,
        grade=runs[0].steps[0].net.grade,
        criteria=criteria,
        runs=tuple(runs),
        spreads=dict(spreads(case, runs)),
        notes=(),
    )


def hash_of(text: str) -> int:
    """A number that is the same on every run of Python."""
    return int(sum(ord(letter) * 31**k for k, letter in enumerate(text)) % 2**250)


def decided(criterion: Criterion, runs: list[RunResult]) -> CriterionResult:
    """One criterion over all runs, guard-banded."""
    found = [(run.repeat, step.net) for run in runs for step in run.steps]
    invalid = next(((k, net) for k, net in found if getattr(net, criterion.measure.value) is None), None)
    if invalid is not None:
        reason = invalid[1].reason or f"repeat {invalid[0]} has no {criterion.measure.value}"
        return CriterionResult(
            criterion=criterion, verdict=Verdict.INVALID, value=None, u95_value=None, reason=reason, repeat=invalid[0]
        )
    values = [float(getattr(net, criterion.measure.value)) for _, net in found]
    below = criterion.op == "<="
    pick = float(np.mean(values)) if criterion.over == "average" else max(values) if below else min(values)
    repeat, net = found[int(np.argmax(values) if below else np.argmin(values))]
    u = (net.olrt_judged_u95_s if criterion.measure.value.endswith("_s") else net.final_u95_value) or 0.0
    room = (criterion.limit_value + criterion.tolerance_value - pick) * (1.0 if below else -1.0)
    verdict = Verdict.PASS if room >= u else Verdict.FAIL if room < -u else Verdict.INDETERMINATE
    return CriterionResult(
        criterion=criterion,
        verdict=verdict,
        value=pick,
        u95_value=u,
        reason=f"{pick:.4g} {criterion.unit} against {criterion.limit_value:g} {criterion.unit}",
        repeat=0 if criterion.over == "average" else repeat,
        step=1,
    )


def spreads(case: Case, runs: list[RunResult]) -> Iterable[tuple[str, Spread]]:
    """Each measure over all repeats and steps."""
    for name in {*(measure.value for measure in case.measures), "olrt_s", "olrt_judged_s"}:
        values = [value for run in runs for s in run.steps if (value := getattr(s.net, name)) is not None]
        if values:
            yield (
                name,
                Spread(
                    count=len(values),
                    least_value=min(values),
                    average_value=float(np.mean(values)),
                    greatest_value=max(values),
                    deviation_value=float(np.std(values)),
                ),
            )


def not_run(case: Case) -> CaseResult:
    """A case without a run."""
    return CaseResult(
        case=case, verdict=Verdict.INVALID, reason="was not run", grade=None, criteria=(), runs=(), notes=()
    )


def library(*ids: str) -> list[Case]:
    """Cases of the library, with the simulated rig's ratings."""
    profiles, _ = select_profiles(ids, (), RIG)
    return [case for profile in profiles for case in profile.cases]


def campaign_of(
    results: Iterable[CaseResult],
    people: People = PEOPLE,
    lacks: Mapping[str, tuple[str, ...]] | None = None,
    rig_text: str | None = None,
) -> CampaignResult:
    """Results as a campaign."""
    cases = tuple(results)
    text = (
        RIG.read_text(encoding="utf-8")
        .replace("time: virtual\n", "")
        .replace(METER, LAB_METER.format("Maker Analyser 500, no. 17", "2026-01-31"))
    )
    return CampaignResult(
        campaign=Campaign(
            started_utc="2026-03-01T09:59:00Z",
            people=people,
            rig_file="simulated-wye.yaml",
            rig_text=text if rig_text is None else rig_text,
            digests=(("simulated-wye.yaml", "ab" * 32), ("crd/step-load-export-all.yaml", "cd" * 32)),
            versions={"openpcs": "0.1.0", "numpy": "2.4.6", "python": "3.11.7"},
            cases=tuple(found.case for found in cases),
            lacks=lacks or {},
        ),
        analysis="hil.analysis/1",
        cases=cases,
    )


def small_campaign() -> tuple[CampaignResult, MadeUp]:
    """Every verdict once, conductors, several steps, a case that the rig cannot do."""
    result, answers = _small_campaign()
    return result, MadeUp(answers=dict(answers))


@cache
def _small_campaign() -> tuple[CampaignResult, dict[str, tuple[Case, Answer]]]:
    records = MadeUp()
    loads, current = library("crd/step-load-export-all"), library("g100/issue-2-export")
    stairs, sensor = library("ieee1547/limit-active-power-frequency"), library("abnormal/signal-lost-running")
    results = [
        case_result(loads[0], Answer(olrt_s=1.5), records),
        case_result(loads[1], Answer(olrt_s=41.0, dead_time_s=1.0), records),
        case_result(loads[2], Answer(olrt_s=26.5, noise_w=25.0, update_s=1.0), records),
        case_result(loads[3], Answer(hunting=True), records),
        not_run(loads[4]),
        case_result(loads[5], Answer(olrt_s=4.0, noise_w=0.0), records),
        case_result(current[0], Answer(olrt_s=2.0, noise_w=1.0), records),
        case_result(stairs[0], Answer(olrt_s=0.8), records),
        case_result(sensor[0], Answer(olrt_s=2.5), records),
    ]
    lacks = {loads[7].id: ("AcLoad: needs 12 kW, the rig has 10 kW",), "nec/busbar/rating_level=50pct": ("no bus",)}
    return campaign_of(results, lacks=lacks), records.answers


def with_measurement(result: CaseResult, **changes: object) -> CaseResult:
    """A case of which the first step of the first run says something else."""
    run = result.runs[0]
    net: Measurement = replace(run.steps[0].net, **changes)  # type: ignore[arg-type]
    steps = (replace(run.steps[0], net=net), *run.steps[1:])
    return replace(result, runs=(replace(run, steps=steps), *result.runs[1:]))
