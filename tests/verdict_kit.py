"""Synthetic runs with known answers: a case in code, and recordings of first-order responses on it."""

import pickle
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hil.analysis.measure import measure
from hil.analysis.result import Measurement, Question
from hil.analysis.series import Series
from hil.profile.model import Case, Criterion, Response, Step, StepArgument, Stimulus
from hil.profile.model import Recording as Asked
from hil.profile.words import Measure, Provenance, ResponseKind, Role, Verb
from hil.record.model import End, RunRecord
from hil.record.recording import Recording
from hil.verdict.gauges import Gauge

Values = NDArray[np.float64]
AT_S = 20.0
T = np.arange(0.0, 80.0, 0.02)
SINCE = T - AT_S
GAUGES = {"power": Gauge(name="an analyser", update_s=0.02, group_delay_s=0.0, uncertainty_ratio=0.001)}
WITHIN_S = 30.0


def noise(seed: int, sd_w: float = 3.0) -> Values:
    return sd_w * np.random.default_rng(seed).standard_normal(len(T))


def criterion(
    measure: Measure = Measure.OLRT_JUDGED,
    limit_value: float = WITHIN_S,
    *,
    op: str = "<=",
    over: str = "each",
    rule: str = "guarded",
    tolerance_value: float = 0.0,
    id: str = "",
) -> Criterion:
    return Criterion(
        id=id or f"{measure.value}-{over}",
        measure=measure,
        op=op,
        limit_value=limit_value,
        tolerance_value=tolerance_value,
        unit="s" if measure.value.endswith("_s") else "W",
        over=over,
        rule=rule,
        basis="CRD-OLRT-2",
        provenance=Provenance.PUBLIC,
        origin="public",
    )


def step(verb: Verb = Verb.SET_LOAD, at_s: float | None = None, **arguments: float | str) -> Step:
    given = tuple(
        StepArgument(name=name, value=value, unit="" if isinstance(value, str) else "W")
        for name, value in arguments.items()
    )
    return Step(verb=verb, role=Role.AC_LOAD, at_s=at_s, arguments=given)


def case(
    *criteria: Criterion,
    channel: str = "load.demand_w",
    steps: tuple[Step, ...] = (step(to=3000.0),),
    response: str = "poi.import_w",
    side: str = "below",
    limit_value: float | None = 0.0,
    tolerance_value: float | None = 100.0,
    which: str = "first",
    repeats: int = 1,
    is_fault: bool = False,
    grade: str = "B",
    id: str = "lab/step/level=100pct",
    kind: ResponseKind = ResponseKind.REFERENCE_POINT,
) -> Case:
    """A case of a step of the load from 8 to 3 kW, with a limit of 0 W export at the point."""
    return Case(
        id=id,
        hash=f"{abs(hash((id, repeats))) % 16**12:012x}" * 5 + "abcd",
        profile="lab/step",
        version=1,
        title="A step of the load",
        parameters=(),
        axes=(),
        repeats=repeats,
        systems=(),
        needs=(),
        prepare=(),
        record=Asked(channels=("poi.import_w",), each_phase=False, pre_s=20.0, post_s=30.0, grade=grade),
        stimulus=Stimulus(channel=channel, steps=steps, is_fault=is_fault),
        response=Response(
            kind=kind,
            channel=response,
            side=side,
            unit="W",
            limit_value=limit_value,
            tolerance_value=tolerance_value,
            steps=which,
        ),
        measures=(Measure.OLRT_JUDGED, Measure.BACK_UNDER_LIMIT, Measure.FINAL),
        criteria=criteria or (criterion(),),
        cleanup=(),
        duration_s=100.0,
        longest_s=200.0,
    )


def load(before_w: float = 8000.0, after_w: float = 3000.0) -> Values:
    return np.where(SINCE < 0.0, before_w, after_w) + noise(1)


def lag(from_w: float, to_w: float, dead_s: float = 0.5, lag_s: float = 0.5, seed: int = 2) -> Values:
    x = np.maximum(SINCE - dead_s, 0.0)
    return np.where(dead_s > SINCE, from_w, to_w + (from_w - to_w) * np.exp(-x / lag_s)) + noise(seed)


def run(
    of: Case,
    channels: Mapping[str, Values],
    *,
    repeat: int = 1,
    attempt: int = 1,
    end: End = End.COMPLETE,
    reason: str = "",
    t_s: Values = T,
    started_utc: str = "2026-03-01T10:00:00.000Z",
) -> RunRecord:
    recording = Recording(name="power", t_s=t_s, channels=dict(channels))
    return RunRecord(
        case=of,
        repeat=repeat,
        attempt=attempt,
        end=end,
        reason=reason,
        started_utc=started_utc,
        marks=(),
        identity={},
        recordings=(recording,),
        folder=f"{of.hash[:12]}-r{repeat}-a{attempt}",
        digest="0" * 64,
    )


def answered(of: Case, dead_s: float = 0.5, lag_s: float = 0.5, final_w: float = 2900.0, **how: object) -> RunRecord:
    """The load falls by 5 kW, the DER follows it down to 100 W inside the limit."""
    demand, output = load(), lag(8000.0, final_w, dead_s, lag_s)
    channels = {"load.demand_w": demand, "der.injection_w": output, "poi.import_w": demand - output}
    return run(of, channels, **how)  # type: ignore[arg-type]


def asleep(of: Case, **how: object) -> RunRecord:
    """The load falls, nothing follows."""
    demand, output = load(), 8000.0 + noise(2)
    channels = {"load.demand_w": demand, "der.injection_w": output, "poi.import_w": demand - output}
    return run(of, channels, **how)  # type: ignore[arg-type]


def changed(record: RunRecord, **channels: Values) -> RunRecord:
    """The same run with other samples in some channels (`poi_import_w` for poi.import_w)."""
    recording = record.recordings[0]
    named = {name.replace("_", ".", 1): values for name, values in channels.items()}
    return replace(record, recordings=(replace(recording, channels={**recording.channels, **named}),))


MEASURED: dict[bytes, Measurement] = {}


def measure_once(stimulus: Series, response: Series, question: Question) -> Measurement:
    """As `measure`; the same samples and question are measured once in a process."""
    key = pickle.dumps((stimulus, response, question))
    if key not in MEASURED:
        MEASURED[key] = measure(stimulus, response, question)
    return MEASURED[key]
