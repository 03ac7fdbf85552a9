"""The fuzz targets without atheris: what others wrote, mutated, is decoded or refused and never breaks a promise."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.targets import TARGETS, Target, seeds

EXAMPLES = {"site_yaml": 40, "profile_yaml": 40}  # a YAML file takes milliseconds
OTHERWISE = 300


@cache
def made(name: str) -> Target:
    return TARGETS[name]()


@st.composite
def mutated(draw: st.DrawFn, originals: list[bytes]) -> bytes:
    """A seed with pieces of it cut, changed, doubled or put elsewhere; now and then anything at all."""
    if draw(st.integers(0, 4)) == 0:
        return draw(st.binary(max_size=200))
    data = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        size = draw(st.integers(0, 12))
        piece = draw(st.one_of(st.binary(max_size=8), st.just(bytes(data[:size])), st.just(b"")))
        data[at : at + size] = piece
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_is_decoded_keeps_the_promises_of_its_decoder(name: str) -> None:
    @settings(max_examples=EXAMPLES.get(name, OTHERWISE), deadline=None)
    @given(mutated(seeds(name)))
    def hold(data: bytes) -> None:
        made(name)(data)

    hold()


@pytest.mark.parametrize("name", TARGETS)
def test_the_good_inputs_of_a_fuzz_target_are_decoded(name: str) -> None:
    for seed in seeds(name):
        made(name)(seed)
