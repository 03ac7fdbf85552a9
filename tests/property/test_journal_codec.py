"""The journal's lines hold a step exactly."""

import json
import math
import struct
from dataclasses import dataclass, is_dataclass
from enum import Enum
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pcs.codec import journal
from pcs.codec.journal import BadLineError, StepRecord, UnknownVersionError
from pcs.codec.values import UnknownValueError, Vocabulary
from pcs.model.command import Command
from pcs.model.event import Event
from pcs.model.reading import DerReading, MeterReading, Observation
from pcs.model.units import Instant

floats = st.floats(allow_nan=False)
texts = st.text(max_size=12) | st.sampled_from(["poi", "inv1", "\ud800", "\x00", 'a"\n'])


def built(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Values of a class with every field drawn, those with a default too; a field added later is drawn as well."""
    return st.deferred(lambda: st.builds(kind, **{n: drawn(hint) for n, hint in get_type_hints(kind).items()}))


def drawn(hint: Any) -> st.SearchStrategy[Any]:
    """Values of any annotation that a class of `pcs.model` has."""
    match hint, get_origin(hint), get_args(hint):
        case _, None, _ if hint in (float, str):
            return floats if hint is float else texts
        case _, None, _ if is_dataclass(hint) and isinstance(hint, type):
            return built(hint)
        case _, origin, (inside, *rest) if origin is tuple and rest == [...]:
            return st.lists(drawn(inside), max_size=4).map(tuple)
        case _, origin, parts if origin is tuple:
            return st.tuples(*map(drawn, parts))
        case _, _, parts if parts and not isinstance(hint, type):
            return st.one_of(*map(drawn, parts))
    return st.from_type(hint)


observations = st.one_of(*(built(kind) for kind in get_args(Observation)))
COMMANDS = get_args(Command) or (Command,)
events = built(Event)
steps = st.builds(
    StepRecord,
    now=built(Instant),
    inputs=st.lists(observations, max_size=4).map(tuple),
    commands=st.lists(st.one_of(*map(built, COMMANDS)), max_size=3).map(tuple),
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


@given(st.data())
@pytest.mark.parametrize("kind", COMMANDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_command_comes_back_with_all_its_fields(kind: type[Any], data: st.DataObject) -> None:
    step = StepRecord(now=Instant(mono_s=0.0, utc_s=0.0), commands=(data.draw(built(kind)),))
    assert repr(journal.decode(journal.encode(step))) == repr(step)


class Colour(Enum):
    RED = 1


class Pair(NamedTuple):
    left: float
    right: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Whatever:
    """What the core may grow: any field of any plain kind."""

    colour: Colour | None
    pairs: tuple[Pair, ...]
    by_name: dict[str, Pair | None]
    names: frozenset[str]
    rows: list[bytes]
    inner: "Whatever | None" = None


def test_a_class_that_nobody_told_the_codec_of_comes_back_as_it_was() -> None:
    pair = Pair(-0.0, (1, 2**70))
    inner = Whatever(colour=None, pairs=(), by_name={}, names=frozenset(), rows=[])
    whatever = Whatever(
        colour=Colour.RED,
        pairs=(pair,),
        by_name={"a": pair, "b": None},
        names=frozenset("xy"),
        rows=[b"\0"],
        inner=inner,
    )
    vocabulary = Vocabulary([Whatever])
    line = journal.encode_value(whatever, vocabulary)
    assert repr(journal.decode_value(line, Whatever, vocabulary)) == repr(whatever)


def test_a_value_of_a_class_outside_the_vocabulary_is_refused_when_it_is_written() -> None:
    with pytest.raises(UnknownValueError, match="Colour is not in the journal's vocabulary"):
        journal.VOCABULARY.row((Colour.RED,))


def test_two_classes_of_one_name_are_told_apart_by_their_modules() -> None:
    class Other(NamedTuple):
        at_s: float

    Other.__name__, Other.__module__ = "Pair", "elsewhere.other"
    vocabulary = Vocabulary([Pair, Other])
    assert {"other.Pair", "test_journal_codec.Pair"} <= set(vocabulary.classes)
    for value in (Pair(1.0, ()), Other(2.0)):
        assert type(vocabulary.value(vocabulary.row(value))) is type(value)


def test_two_classes_of_one_name_and_module_are_refused_at_once() -> None:
    class Other(NamedTuple):
        at_s: float

    Other.__name__ = "Pair"
    with pytest.raises(ValueError, match=r"two classes are called test_journal_codec\.Pair"):
        Vocabulary([Pair, Other])


def row_of(text: str, **fields: Any) -> bytes:
    """A line as a program wrote it whose `DerReading` had these fields."""
    return text.encode().replace(b"FIELDS", json.dumps(list(fields.values()))[1:-1].encode())


READING = '["StepRecord",["Instant",0.0,0.0],["t",["DerReading",FIELDS]],["t"],["t"]]'


def test_a_line_of_an_older_program_takes_the_defaults_of_the_fields_that_it_lacks() -> None:
    old = {"received_s": 2.0, "sent_s": 1.0, "injection_w": 5.0, "der_id": "a"}
    table = {**journal.VOCABULARY.table, "DerReading": list(old)}
    step = journal.decode(row_of(READING, **old), table)
    assert step.inputs == (DerReading(der_id="a", injection_w=5.0, sent_s=1.0, received_s=2.0),)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (
            {"der_id": "a", "injection_w": 1.0, "sent_s": 1.0, "received_s": 1.0, "hue": 1},
            "DerReading.hue is not known",
        ),
        ({"der_id": "a", "injection_w": 1.0, "sent_s": 1.0}, "DerReading.received_s was not yet written"),
    ],
)
def test_a_field_that_does_not_fit_is_named(fields: dict[str, Any], why: str) -> None:
    table = {**journal.VOCABULARY.table, "DerReading": list(fields)}
    with pytest.raises(BadLineError, match=why):
        journal.decode(row_of(READING, **fields), table)


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
    with pytest.raises(UnknownVersionError, match=r"version 3; this program reads version 2"):
        list(journal.unpack(b'{"pcs.journal":3}\n[]'))


@pytest.mark.parametrize(
    "row", ['["EventKind","MARTIAN_LANDED"]', '["Martian",1]', '["Vocabulary"]', '["Fault",["t"]]']
)
def test_a_name_that_this_program_does_not_know_is_refused(row: str) -> None:
    line = f'["StepRecord",["Instant",0.0,0.0],["t"],["t"],["t",["Event",["Instant",0.0,0.0],{row},"","",["t"]]]]'
    with pytest.raises(BadLineError, match="not known" if "artian" in row else None):
        journal.decode(line.encode())
