"""A profile's cases: every combination of its matrix, with all expressions evaluated and all units checked."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, replace

from hil.profile.expression import names_in
from hil.profile.model import Case, Criterion, Need, Recording, Response, Step, Stimulus
from hil.profile.names import Names
from hil.profile.schema import CriterionPart, ProfileFile, StimulusPart
from hil.profile.steps import make_steps
from hil.profile.words import CHANNELS, Measure, Provenance, ResponseKind, Role, Verb
from hil.profile.yaml_file import Place, YamlFile

REPEATS_MAX = 100  # a distribution; more is another campaign
SYSTEMS = ("single", "split", "wye", "delta")
POINT_CHANNELS = ("poi.", "bus.", "conductor.")
LEAST_KNOWN = (Provenance.PROJECT_DEFAULT, Provenance.PUBLIC, Provenance.DEVICE, Provenance.STANDARD)
UNHASHED = {"id", "hash", "title", "about", "duration_s", "longest_s"}
TOLD = {"origin", "source", "written"}


def make_case(profile: ProfileFile, names: Names) -> Case | None:
    """One case; None if anything in it is wrong, which the file then knows."""
    file = names.file
    before = len(file.mistakes)
    repeats = names.quantity(profile.repeats, ("repeats",), ("times",))
    if repeats is not None and not (1 <= repeats.value <= REPEATS_MAX and repeats.value == int(repeats.value)):
        file.report(("repeats",), f"{repeats} is no whole number from 1 to {REPEATS_MAX}")
    prepare = make_steps(profile.prepare, names, ("prepare",))
    cleanup = make_steps(profile.cleanup, names, ("cleanup",))
    if cleanup and cleanup[-1].verb is not Verb.SAFE:
        file.report(("cleanup",), "must end with `do: safe`")
    record = _record(profile, names)
    stimulus = _stimulus(profile, names)
    response = _response(profile, names)
    criteria = [_criterion(part, names, ("criteria", i), profile, response) for i, part in enumerate(profile.criteria)]
    needs = tuple(_needs(profile, names))
    if len(file.mistakes) > before or None in (repeats, record, stimulus, response):
        return None
    assert repeats is not None
    assert record is not None
    assert stimulus is not None
    assert response is not None
    axes = tuple(profile.matrix)
    case = Case(
        id="",
        hash="",
        profile=profile.id,
        version=profile.version,
        title=profile.title,
        parameters=tuple(names.parameters.values()),
        axes=axes,
        repeats=int(repeats.value),
        systems=tuple(profile.requires.system or SYSTEMS),
        needs=needs,
        prepare=prepare,
        record=record,
        stimulus=stimulus,
        response=response,
        measures=tuple(Measure(name) for name in profile.measure),
        criteria=tuple(criterion for criterion in criteria if criterion is not None),
        cleanup=cleanup,
        duration_s=0.0,
        longest_s=0.0,
        regime=profile.requires.regime or "",
        about=" ".join(profile.about.split()),
    )
    point = ",".join(f"{axis}={_slug(case.parameter(axis).written)}" for axis in axes)
    quick_s, long_s = (_span_s(case, longest=longest) for longest in (False, True))
    whole = replace(case, id=f"{profile.id}/{point}" if point else profile.id, duration_s=quick_s, longest_s=long_s)
    return replace(whole, hash=case_hash(whole))


def case_hash(case: Case) -> str:
    """SHA-256 over what decides how a case is done and judged; the same on every machine."""
    facts = {key: _bare(value) for key, value in asdict(case).items() if key not in UNHASHED}
    if not case.regime:
        del facts["regime"]  # a case that asks for none is the test that it was before there were any
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _bare(value: object) -> object:
    """Without what only tells people where a number comes from."""
    match value:
        case dict():
            return {key: _bare(inner) for key, inner in value.items() if key not in TOLD}
        case list() | tuple():
            return [_bare(inner) for inner in value]
        case _:
            return value


def _slug(written: str) -> str:
    return re.sub(r"[^A-Za-z0-9.+-]", "", written.replace("%", "pct").replace("_", "-"))


def _record(profile: ProfileFile, names: Names) -> Recording | None:
    part = profile.record
    pre = names.quantity(part.pre, ("record", "pre"), ("s",))
    post = names.quantity(part.post, ("record", "post"), ("s",))
    if pre is None or post is None:
        return None
    return Recording(
        channels=tuple(part.channels),
        each_phase=part.phases == "each",
        pre_s=pre.value,
        post_s=post.value,
        grade=part.grade,
    )


def _stimulus(profile: ProfileFile, names: Names) -> Stimulus | None:
    file = names.file
    if (profile.stimulus is None) == (profile.fault is None):
        file.report(("fault",) if profile.fault else (), "needs exactly one of stimulus and fault")
        return None
    part: StimulusPart | None = profile.stimulus or profile.fault
    assert part is not None
    place: Place = ("stimulus",) if profile.stimulus else ("fault",)
    channel = names.word(part.channel, (*place, "channel"), tuple(CHANNELS))
    _must_be_recorded(channel, profile, file, (*place, "channel"))
    steps = make_steps(part.steps, names, (*place, "steps"), timed=True)
    if not steps and not file.mistakes:
        file.report((*place, "steps"), "no step is left in this case")
    if channel is None:
        return None
    return Stimulus(channel=channel, steps=steps, is_fault=profile.fault is not None)


def _must_be_recorded(channel: str | None, profile: ProfileFile, file: YamlFile, place: Place) -> None:
    if channel is not None and channel not in profile.record.channels:
        file.report(place, f"{channel} is not recorded", "add it to record.channels")


def _response(profile: ProfileFile, names: Names) -> Response | None:
    part, place, file = profile.response, ("response",), names.file
    channel = names.word(part.channel, (*place, "channel"), tuple(CHANNELS))
    if channel is None:
        return None
    _must_be_recorded(channel, profile, file, (*place, "channel"))
    kind = ResponseKind(part.kind)
    if (kind is ResponseKind.REFERENCE_POINT) != channel.startswith(POINT_CHANNELS):
        file.report(
            (*place, "kind"), f"{channel} is {'no' if kind is ResponseKind.REFERENCE_POINT else 'a'} flow at a point"
        )
    unit = CHANNELS[channel][0]
    limit = names.quantity(part.limit, (*place, "limit"), (unit,)) if part.limit else None
    tolerance = names.quantity(part.tolerance, (*place, "tolerance"), (unit,)) if part.tolerance else None
    if limit is not None and limit.value < 0:
        file.report((*place, "limit"), f"{limit} is negative", "a limit is a magnitude; side says the direction")
    return Response(
        kind=kind,
        channel=channel,
        side=part.side,
        unit=unit,
        limit_value=limit.value if limit else None,
        tolerance_value=tolerance.value if tolerance else None,
        steps=part.step,
    )


def _criterion(
    part: CriterionPart, names: Names, place: Place, profile: ProfileFile, response: Response | None
) -> Criterion | None:
    file = names.file
    if part.measure not in profile.measure:
        file.report((*place, "measure"), f"{part.measure} is not measured", "add it to measure")
    if part.basis not in {basis.ref for basis in profile.basis}:
        file.report((*place, "basis"), f"{part.basis} is not in the profile's basis")
    if response is None or not names.holds(part.when, (*place, "when")):
        return None
    unit = "s" if part.measure.endswith("_s") else "pu" if part.measure.endswith("_pct") else response.unit
    if part.measure == Measure.INADVERTENT:
        unit = f"{response.unit}h"
    limit = names.quantity(part.limit, (*place, "limit"), (unit,))
    tolerance = names.quantity(part.tolerance, (*place, "tolerance"), (unit,)) if part.tolerance else None
    if part.measure in (Measure.OLRT_JUDGED, Measure.BACK_UNDER_LIMIT, Measure.PEAK_EXCESS, Measure.INADVERTENT):
        needs_limit = response.limit_value is None and part.measure != Measure.OLRT_JUDGED
        if needs_limit:
            file.report((*place, "measure"), f"{part.measure} needs response.limit")
    if limit is None:
        return None
    scale = 100.0 if unit == "pu" else 1.0  # the analysis gives percent
    texts = [part.limit, part.tolerance or "", profile.response.limit or "", profile.response.tolerance or ""]
    sources = [names.parameters[name] for name in sorted(_names(texts)) if name in names.parameters]
    weakest = min(sources, key=lambda source: LEAST_KNOWN.index(source.provenance), default=None)
    return Criterion(
        id=part.id,
        measure=Measure(part.measure),
        op=part.op,
        limit_value=limit.value * scale,
        tolerance_value=tolerance.value * scale if tolerance else 0.0,
        unit="pct" if unit == "pu" else unit,
        over=part.over,
        rule=part.rule,
        basis=part.basis,
        provenance=weakest.provenance if weakest else Provenance.PROJECT_DEFAULT,
        origin=weakest.origin if weakest else "zero",
    )


def _names(texts: Iterable[str]) -> set[str]:
    return {name for text in texts if text for name in names_in(text)}


def _needs(profile: ProfileFile, names: Names) -> Iterable[Need]:
    for role, part in profile.requires.roles.items():
        place = ("requires", "roles", role)
        bounds = {}
        for name, unit in (
            ("step_within", "s"), ("update_within", "s"), ("delay_within", "s"), ("uncertainty_within", "pu")
        ):  # fmt: skip
            text = getattr(part, name)
            found = names.quantity(text, (*place, name), (unit,)) if text else None
            bounds[name] = found.value if found else None
        yield Need(
            role=Role(role),
            step_within_s=bounds["step_within"],
            update_within_s=bounds["update_within"],
            delay_within_s=bounds["delay_within"],
            uncertainty_within_ratio=bounds["uncertainty_within"],
        )


def _span_s(case: Case, *, longest: bool) -> float:
    def waits_s(steps: Iterable[Step]) -> float:
        spans = []
        for step in steps:
            if step.verb is Verb.WAIT:
                spans.append(step.number("duration"))
            elif step.verb is Verb.AWAIT_STEADY:
                spans.append(step.number("timeout" if longest else "duration"))
        return sum(spans)

    recorded_s = case.record.pre_s + case.stimulus.last_s + waits_s(case.stimulus.steps) + case.record.post_s
    return waits_s(case.prepare) + recorded_s + waits_s(case.cleanup)
