"""The journal's lines hold a step exactly."""

import math
import struct
from dataclasses import fields
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pcs.codec import journal
from pcs.codec.journal import BadLineError, StepRecord, UnknownVersionError
from pcs.model.command import LimitActivePower
from pcs.model.event import Event, EventKind
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import LimitReadback, MeterReading, Observation
from pcs.model.units import Instant

floats = st.floats(allow_nan=False)
texts = st.text(max_size=12) | st.sampled_from(["poi", "inv1", "\ud800", "\x00", 'a"\n'])


def built(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Values of a dataclass with every field drawn, those with a default too; a field added later is drawn as well."""
    return st.builds(kind, **{field.name: STRATEGY_OF[field.type] for field in fields(kind)})


STRATEGY_OF: dict[Any, st.SearchStrategy[Any]] = {
    float: floats,
    float | None: st.none() | floats,
    str: texts,
    bytes: st.binary(max_size=20),
    bool: st.booleans(),
    int: st.integers(),
    tuple[float, ...]: st.lists(floats, max_size=4).map(tuple),
    tuple[float | None, ...]: st.lists(st.none() | floats, max_size=4).map(tuple),
    tuple[str, ...]: st.lists(texts, max_size=4).map(tuple),
    tuple[tuple[str, float | str], ...]: st.lists(st.tuples(texts, floats | texts), max_size=3).map(tuple),
    FaultKind: st.sampled_from(FaultKind),
    EventKind: st.sampled_from(EventKind),
}
STRATEGY_OF |= {Fault: built(Fault), LimitReadback: built(LimitReadback), Instant: built(Instant)}
observations = st.one_of(*(built(kind) for kind in get_args(Observation)))
events = built(Event)
steps = st.builds(
    StepRecord,
    now=built(Instant),
    inputs=st.lists(observations, max_size=4).map(tuple),
    commands=st.lists(built(LimitActivePower), max_size=3).map(tuple),
    events=st.lists(events, max_size=2).map(tuple),
)


def reading(import_w: float) -> MeterReading:
    return MeterReading(meter_id="poi", import_w=import_w, sent_s=0.0, received_s=0.0)


@given(steps)
def test_a_step_comes_back_as_it_was(step: StepRecord) -> None:
    line = journal.encode(step)
    assert journal.decode(line) == step
    assert b"\n" not in line


@given(st.data())
@pytest.mark.parametrize("kind", get_args(Observation), ids=lambda kind: kind.__name__)
def test_every_kind_of_observation_comes_back_with_all_its_fields(kind: type[Any], data: st.DataObject) -> None:
    step = StepRecord(now=Instant(mono_s=0.0, utc_s=0.0), inputs=(data.draw(built(kind)),))
    assert repr(journal.decode(journal.encode(step))) == repr(step)


@given(steps)
def test_types_come_back_as_they_were(step: StepRecord) -> None:
    # dataclass equality alone would accept 1.0 for True, or a plain str for an enum
    assert repr(journal.decode(journal.encode(step))) == repr(step)


@given(floats)
@example(-0.0)
@example(5e-324)
@example(math.inf)
def test_floats_come_back_bit_for_bit(import_w: float) -> None:
    back = journal.decode(journal.encode(StepRecord(now=Instant(mono_s=0.0, utc_s=0.0), inputs=(reading(import_w),))))
    assert isinstance(back.inputs[0], MeterReading)
    assert struct.pack("<d", back.inputs[0].import_w) == struct.pack("<d", import_w)


@given(events)
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    assert repr(journal.decode_event(journal.encode_event(event))) == repr(event)


@given(steps, st.data())
def test_a_torn_line_is_refused_and_never_taken_for_another_step(step: StepRecord, data: st.DataObject) -> None:
    line = journal.encode(step)
    cut = data.draw(st.integers(0, len(line) - 1))
    with pytest.raises(BadLineError):
        journal.decode(line[:cut])


@given(st.binary(max_size=60))
def test_garbage_raises_nothing_but_bad_line(garbage: bytes) -> None:
    for read in (journal.decode, journal.decode_event, journal.check_header):
        with pytest.raises((BadLineError, UnknownVersionError)):
            read(garbage)


@given(st.lists(steps, max_size=3))
def test_a_blob_gives_back_its_lines(some: list[StepRecord]) -> None:
    text = journal.pack([journal.encode(s) for s in some])
    assert [journal.decode(line) for line in journal.unpack(text)] == some


def test_an_unknown_newer_version_is_refused_by_name() -> None:
    with pytest.raises(UnknownVersionError, match=r"version 2; this program reads version 1"):
        list(journal.unpack(b'{"pcs.journal":2}\n[]'))


def test_a_kind_of_event_that_this_program_does_not_know_is_refused_by_name() -> None:
    with pytest.raises(BadLineError, match="martian landed"):
        journal.decode(b'[0.0,0.0,[],[],[[0.0,0.0,"martian landed","","",[]]]]')
