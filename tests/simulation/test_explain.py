"""`pcs explain` against the whole stack on virtual time: what it says is what happened."""

import re
from typing import Any

import pytest

from pcs.cli.explain import page
from pcs.core.economy import RAISE_SHARE
from tests.simulation.stack import Stack, inverter, play, twin


def watts(words: str) -> float:
    """The number in `to feed at most 1,304 W`."""
    return float(words.split()[-2].replace(",", ""))


def told(seconds_s: float, *, silent_s: float | None = None, **more: Any) -> dict[str, Any]:
    """What the controller explains after so many seconds; the meter falls silent at `silent_s`."""
    found: list[dict[str, Any]] = []

    async def story(stack: Stack) -> None:
        stack.start()
        if silent_s is not None:
            await stack.until(silent_s)
            stack.inject("poi", "silent", 60.0)
        await stack.until(seconds_s)
        assert stack.controller is not None
        found.append(stack.controller.explain())

    play(story, twin(ders=[inverter(), inverter("inv2", 5000)], **more))
    return found[0]


@pytest.fixture(scope="module")
def settled() -> dict[str, Any]:
    return told(30.0)


def test_one_sentence_names_the_limit_that_binds_since_when_and_what_each_der_answered(
    settled: dict[str, Any],
) -> None:
    sentence = settled["sentence"]
    assert sentence.startswith("export limit 0 W at poi binds since 20:26:")
    assert re.search(r"importing \d\d W now", sentence)
    for der in settled["ders"]:
        assert f"{der['id']} was {der['told']['words'].replace('to feed', 'told to feed')} at" in sentence
        assert "and confirmed it 0.0" in sentence
    assert sentence.count(".") == sentence.count("0.0") + 1, "one sentence"


def test_every_der_is_shown_with_what_it_was_told_and_when_it_answered(settled: dict[str, Any]) -> None:
    for der in settled["ders"]:
        assert der["decides"] == "the limit of what it feeds"
        held_w, told_w = (watts(words) for words in (der["answered"]["held"], der["told"]["words"]))
        assert abs(held_w - told_w) <= 1.0, "a register's step, rounded"
        assert 0.0 < der["answered"]["at"]["utc_s"] - der["told"]["at"]["utc_s"] < 0.1
        lo_w, hi_w = der["injection_between_w"]
        assert lo_w - 1.0 <= der["injection_w"] <= hi_w + 1.0
        worth_telling_w = RAISE_SHARE * der["rating_w"] + 1.0  # and a register's step
        assert der["cap_w"] == pytest.approx(der["injection_w"], abs=worth_telling_w)


def test_the_margin_is_itemised_and_adds_up(settled: dict[str, Any]) -> None:
    (limit,) = settled["limits"]
    margin = limit["margin"]
    squares = sum(margin[name] ** 2 for name in ("meter_w", "ct_w", "phase_error_w")) ** 0.5
    assert margin["total_w"] == pytest.approx(squares + margin["resolution_w"] + margin["cushion_w"], abs=0.2)
    assert -limit["flow_w"] == pytest.approx(margin["total_w"], abs=30.0), "the flow rests at the margin"


def test_a_meter_that_is_silent_is_the_reason_and_says_what_ends_it() -> None:
    found = told(36.0, silent_s=30.0)
    assert found["sentence"].startswith("safe set of the export limit 0 W at poi: no valid meter sample")
    assert found["limits"][0]["action"] == "safe"
    assert any("ends after 3 new values in a row (0 seen)" in one["words"] for one in found["next"])


def test_before_the_wiring_is_verified_the_movement_it_waits_for_is_named() -> None:
    found = told(1.0)
    (one,) = [c for c in found["next"] if c["what"] == "wiring"]
    assert "750 W" in one["words"], "5 % of 15 kW"


def test_a_raise_under_way_says_when_it_arrives() -> None:
    """The load rises by 8 kW: at 30 % of 15 kW per second the DERs are there within about 2 seconds."""
    found = told(31.0, load=[{"constant": 2000}, {"steps": [[0, 0], [30, 8000]]}])
    (one,) = [c for c in found["next"] if c["what"] == "raise"]
    assert "at 4,500 W/s" in one["words"]
    assert 0.3 < one["in_s"] < 2.7


def test_the_page_has_every_limit_and_der_in_words(settled: dict[str, Any]) -> None:
    text = "\n".join(page(settled))
    assert text.startswith(settled["sentence"])
    assert "export limit 0 W at poi: BINDS since 20:26:" in text
    assert "kept free: 38 W = resolution 1 W + cushion 38 W" in text
    assert "inv2 (pv): feeds 65" in text
    assert "next: nothing is due" in text
