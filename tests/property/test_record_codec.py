"""Whatever a bench says as an object comes back from its file to the last bit."""

import json
import math
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.profile.model import Case, Criterion, Parameter
from hil.record.codec import CodecError, from_json, to_json
from hil.record.folder import RunFile
from hil.record.model import Campaign, Mark
from hil.verdict.model import CaseResult, CriterionResult

SCHEMA = "x/2"
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("kind", [Case, Criterion, Parameter, Mark, RunFile, Campaign, CriterionResult, CaseResult])
def test_an_object_comes_back_from_its_file_exactly(kind: type) -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.from_type(kind))
    def comes_back(value: object) -> None:
        text = to_json(value, SCHEMA)
        again = from_json(kind, text, SCHEMA)
        assert type(again) is kind
        assert to_json(again, SCHEMA) == text
        if "nan" not in repr(value):
            assert again == value

    comes_back()


@given(value=st.floats() | st.text(max_size=20))
def test_a_setting_stays_the_number_or_the_word_that_it_was(value: float | str) -> None:
    from hil.profile.model import StepArgument

    again = from_json(StepArgument, to_json(StepArgument(name="to", value=value, unit="W"), SCHEMA), SCHEMA).value
    assert type(again) is type(value)
    assert again == value or (isinstance(value, float) and math.isnan(value) and math.isnan(again))  # type: ignore[arg-type]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(plain=PLAIN)
def test_any_json_is_read_or_refused_as_what_it_is(plain: object) -> None:
    text = json.dumps(plain)
    with suppress(CodecError):
        assert isinstance(from_json(Mark, text, SCHEMA), Mark)
