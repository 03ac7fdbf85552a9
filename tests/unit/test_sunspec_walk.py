"""Finding a device's models: where maps begin, how they end, and what a broken one may not do to us."""

import random
import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcs.codec.readplan import MAX_READ, Block, plan
from pcs.codec.sunspec import MAX_MODELS, MAX_REGISTERS, ModelMap, NoMap, walk, window
from pcs.model.fault import Fault, FaultKind
from tests.sunspec_helpers import COMMON, image, model

Device = Callable[[Block], bytes | FaultKind]


def explore(device: Device) -> tuple[ModelMap | NoMap, list[Block]]:
    """Drive a walk against a device; returns the outcome and what was asked."""
    steps, asked = walk(), []
    try:
        block = next(steps)
        while True:
            assert 1 <= block.count <= MAX_READ
            assert block.end <= 0x10000
            asked.append(block)
            answer = device(block)
            fault = (
                Fault(kind=answer, source_id="x", at_s=0.0, detail="told") if isinstance(answer, FaultKind) else None
            )
            block = steps.send(fault or answer)  # type: ignore[arg-type]
    except StopIteration as end:
        return end.value, asked


def holding(data: bytes, base: int) -> Device:
    def device(block: Block) -> bytes | FaultKind:
        at = 2 * (block.address - base)
        found = data[at : at + 2 * block.count] if at >= 0 else b""
        return found if len(found) == 2 * block.count else FaultKind.REFUSED

    return device


@pytest.mark.parametrize("base", [40000, 50000, 0])
def test_a_map_is_found_at_each_base(base: int) -> None:
    found, _ = explore(holding(image(model(1, **COMMON), model(103), model(701)), base))
    assert isinstance(found, ModelMap)
    assert [(m.id, m.address - base, m.length) for m in found.models] == [(1, 2, 66), (103, 70, 50), (701, 122, 153)]
    assert found.first(999, 701, 103) == found.models[2]
    assert found.first(999) is None


def test_a_map_that_ends_with_the_bare_id_of_the_end_model_is_whole() -> None:
    found, _ = explore(holding(image(model(1))[:-2], 40000))
    assert isinstance(found, ModelMap)


def test_no_map_says_what_was_found_at_each_base() -> None:
    def device(block: Block) -> bytes | FaultKind:
        return {40000: FaultKind.REFUSED, 50000: b"\x12\x34\x56\x78"}.get(block.address, FaultKind.REFUSED)

    found, _ = explore(device)
    assert isinstance(found, NoMap)
    assert found.kind is FaultKind.WRONG_DEVICE
    assert all(words in found.detail for words in ("40000", "0x12345678", "told"))


@pytest.mark.parametrize("kind", [FaultKind.NO_ANSWER, FaultKind.NOT_NOW, FaultKind.BAD_ANSWER])
def test_one_lost_reply_makes_no_wrong_device_of_one_that_answers_elsewhere_with_zeros(kind: FaultKind) -> None:
    found, _ = explore(lambda block: kind if block.address == 40000 else bytes(2 * block.count))
    assert isinstance(found, NoMap)
    assert found.kind is kind


@pytest.mark.parametrize(
    ("kind", "asked"), [(FaultKind.NO_ANSWER, 3), (FaultKind.NOT_NOW, 3), (FaultKind.NO_CONNECTION, 1)]
)
def test_a_device_that_is_not_reached_is_no_wrong_device(kind: FaultKind, asked: int) -> None:
    found, blocks = explore(lambda block: kind)
    assert isinstance(found, NoMap)
    assert found.kind is kind
    assert len(blocks) == asked


@pytest.mark.parametrize("kind", [FaultKind.NO_ANSWER, FaultKind.BAD_ANSWER, FaultKind.NO_CONNECTION])
def test_a_fault_in_the_middle_ends_the_walk_instead_of_shortening_the_map(kind: FaultKind) -> None:
    healthy = holding(image(model(1), model(103), model(123)), 40000)
    found, _ = explore(lambda block: kind if block.address == 40070 else healthy(block))
    assert isinstance(found, NoMap)
    assert found.kind is kind
    assert "40070" in found.detail


@pytest.mark.parametrize(
    "header", [(103, 0), (103, 0xFFFF), (0, 50), (103, 60000)], ids=["empty", "huge", "model 0", "past the end"]
)
def test_garbage_lengths_are_no_model(header: tuple[int, int]) -> None:
    data = b"SunS" + model(1) + struct.pack(">HH", *header) + bytes(200)
    found, _ = explore(holding(data, 40000))
    assert isinstance(found, NoMap)
    assert found.kind is FaultKind.WRONG_DEVICE


@pytest.mark.parametrize("length", [1, 66, 5000])
def test_a_map_that_never_ends_is_given_up(length: int) -> None:
    def endless(block: Block) -> bytes:
        return b"SunS" if block.address == 0 or block.address == 40000 else struct.pack(">HH", 64000, length)

    found, asked = explore(endless)
    assert isinstance(found, NoMap)
    assert found.kind is FaultKind.WRONG_DEVICE
    assert len(asked) <= MAX_MODELS + 2
    assert max(block.end for block in asked) <= 40000 + MAX_REGISTERS + 5100


@given(st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_random_registers_behind_the_marker_always_end_the_walk(seed: int) -> None:
    dice = random.Random(seed)
    small = lambda block: struct.pack(">HH", dice.randrange(1, 900), dice.randrange(0, 300))  # noqa: E731
    found, asked = explore(lambda block: b"SunS" if block.address == 40000 else small(block)[: 2 * block.count])
    assert isinstance(found, NoMap)
    assert len(asked) <= MAX_MODELS + 2


def test_a_map_that_runs_out_of_the_address_space_is_no_map() -> None:
    models = [struct.pack(">HH", 64000, 4000) + bytes(8000)] * 2
    last = struct.pack(">HH", 64000, 0x10000 - 50002 - 2 * 4002 - 2)
    found, _ = explore(holding(b"SunS" + b"".join(models) + last + bytes(20000), 50000))
    assert isinstance(found, NoMap)
    assert found.kind is FaultKind.WRONG_DEVICE


def test_values_and_scale_factors_share_one_read() -> None:
    meter = window(203, 105, ("AphA", "Hz", "W", "WphC"))
    assert (meter.first, meter.count) == (3, 20)
    assert window(103, 50, ("W",)).count == 2
    der = window(701, 153, ("W",))
    assert (der.first, der.count) == (10, 107)
    with pytest.raises(ValueError, match="more than one read"):
        window(701, 153, ("ACType", "MnAlrmInfo"))
    with pytest.raises(ValueError, match="none of"):
        window(704, 10, ("WMaxLimPct",))


points = st.lists(st.builds(Block, address=st.integers(0, 400), count=st.integers(1, 8)), max_size=40)


@given(points, st.integers(0, 30), st.integers(8, 125))
def test_a_read_plan_covers_every_point_whole_within_its_bounds(blocks: list[Block], hole: int, most: int) -> None:
    reads = plan(blocks, max_count=most, max_hole=hole)
    assert all(1 <= read.count <= most for read in reads)
    for block in blocks:
        assert any(read.address <= block.address and block.end <= read.end for read in reads)
    for read in reads:
        covered = {a for block in blocks for a in range(block.address, block.end)}
        run = 0
        for address in range(read.address, read.end):
            run = 0 if address in covered else run + 1
            assert run <= hole


@given(points)
def test_a_read_plan_needs_no_more_reads_than_any_order_of_merging(blocks: list[Block]) -> None:
    def fewest(left: list[Block]) -> int:
        count, end = 0, -1
        start = 0
        for block in sorted(left, key=lambda b: (b.address, b.count)):
            if count and max(end, block.end) - start <= MAX_READ:
                end = max(end, block.end)
            else:
                count, start, end = count + 1, block.address, block.end
        return count

    assert len(plan(blocks, max_hole=1000)) == fewest(blocks)


def test_a_point_longer_than_a_read_is_a_bug() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        plan([Block(address=0, count=126)])
