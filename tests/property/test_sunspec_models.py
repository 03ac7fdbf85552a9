"""Our decode of every supported SunSpec model against pysunspec2's, for random registers; and registers both ways."""

import math
import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sunspec2 import device

from pcs.codec.registers import SCALE_MAX, SCALE_MIN, TYPES, Field, Layout, encode, scaled
from pcs.codec.sunspec import decode_model
from pcs.codec.sunspec_models import MODELS

_NOT_POINTS = ("ID", "L", "Pad", "model_id", "mid", "error")


def _theirs(model_id: int, data: bytes) -> dict[str, Any]:
    """The points as pysunspec2 reads them, groups flattened, in engineering units."""
    model = device.Model(model_id=model_id, model_len=len(data) // 2 - 2)
    model.set_mb(data)
    flat: dict[str, Any] = {}
    for name, value in model.get_dict(computed=True).items():
        if isinstance(value, dict):
            flat.update({f"{name}.{inner}": inner_value for inner, inner_value in value.items()})
        else:
            flat[name.replace("PPVph", "PhVph") if model_id == 201 else name] = value
    return {name: value for name, value in flat.items() if name not in _NOT_POINTS}


def _length(model_id: int) -> int:
    return int(device.Model(model_id=model_id).len)


@st.composite
def _registers(draw: st.DrawFn, model_id: int) -> bytes:
    """A model's registers: random words, valid scale factors, printable text, now and then no value."""
    words = list(
        struct.unpack(f">{_length(model_id)}H", draw(st.binary(min_size=(n := 2 * _length(model_id)), max_size=n)))
    )
    words[0], words[1] = model_id, _length(model_id) - 2
    for field in MODELS[model_id].values():
        if field.type == "sunssf":
            words[field.offset] = draw(
                st.one_of(st.just(0x8000), st.integers(SCALE_MIN, SCALE_MAX).map(lambda v: v & 0xFFFF))
            )
        elif field.type == "string":
            value = draw(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=2 * field.words))
            words[field.offset : field.offset + field.words] = encode("string", value, field.words)
        elif field.type == "float32":
            value = draw(st.floats(allow_infinity=False, width=32))
            words[field.offset : field.offset + 2] = encode("float32", value)
        elif draw(st.integers(0, 9)) == 0:
            words[field.offset : field.offset + field.words] = encode(field.type, None)
    return struct.pack(f">{len(words)}H", *words)


def _same(mine: object, theirs: object) -> bool:
    if isinstance(mine, float) and isinstance(theirs, int | float):
        return math.isclose(mine, theirs, rel_tol=1e-9, abs_tol=1e-9)
    return mine == theirs or (mine is None and theirs == "")


@pytest.mark.parametrize("model_id", sorted(MODELS))
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(data=st.data())
def test_every_point_of_a_model_reads_as_pysunspec2_reads_it(model_id: int, data: st.DataObject) -> None:
    registers = data.draw(_registers(model_id))
    mine, theirs = decode_model(model_id, registers), _theirs(model_id, registers)
    assert mine.keys() == theirs.keys()
    different = {name: (mine[name], theirs[name]) for name in mine if not _same(mine[name], theirs[name])}
    assert not different


@pytest.mark.parametrize("model_id", sorted(MODELS))
def test_a_model_that_ends_early_has_none_of_the_points_behind_its_end(model_id: int) -> None:
    whole = _length(model_id)
    for length in range(2, whole):
        values = decode_model(model_id, bytes(2 * length))
        behind = [name for name, field in MODELS[model_id].items() if field.offset + field.words > length]
        assert all(values[name] is None for name in behind)


@given(data=st.data(), name=st.sampled_from(sorted(set(TYPES) - {"string", "float32", "float64"})))
def test_whole_numbers_come_back_as_they_were_encoded(data: st.DataObject, name: str) -> None:
    kind = TYPES[name]
    bits = 16 * kind.words
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if kind.code.islower() else (0, 2**bits - 1)
    value = data.draw(st.integers(low, high).filter(lambda v: v != kind.absent) | st.none())
    words = encode(name, value)
    layout = Layout([Field(name="x", offset=0, type=name, words=kind.words)])
    assert layout.decode(struct.pack(f">{len(words)}H", *words)) == {"x": value}


@given(st.integers(-(2**31), 2**31 - 1), st.integers(SCALE_MIN, SCALE_MAX))
def test_scaling_gives_the_nearest_number_to_the_decimal_one(raw: int, exponent: int) -> None:
    assert scaled(raw, exponent) == float(f"{raw}e{exponent}")
