"""Health on the whole stack: what status and journal say of a link that dies and returns."""

from pcs.model.event import EventKind
from tests.simulation.stack import Stack, play, twin

DIES_S, BACK_S, END_S = 30.0, 60.0, 400.0


async def story(stack: Stack) -> None:
    stack.start()
    await stack.until(DIES_S)
    stack.inject("poi", "silent")
    await stack.until(BACK_S)
    stack.inject("poi", "clear")
    await stack.until(END_S)
    assert stack.controller is not None
    stack.last_status = stack.controller.status()  # type: ignore[attr-defined]


def test_a_meter_that_falls_silent_is_an_alarm_that_goes_and_the_journal_has_the_figures() -> None:
    stack = play(story, twin(load=[{"constant": 2000}]))
    raised = stack.told(EventKind.ALARM_RAISED)
    assert [dict(event.facts)["alarm"] for event in raised][:1] == ["silent"]
    assert DIES_S + 10 < raised[0].at.mono_s < DIES_S + 25
    assert {e.source_id for e in raised} == {raised[0].source_id}
    cleared = stack.told(EventKind.ALARM_CLEARED)
    assert len(cleared) == len(raised)
    assert [event.text for event in stack.told(EventKind.HEALTH)] == ["no alarm"]
    status = stack.last_status  # type: ignore[attr-defined]
    assert status["health"]["alarms"] == []
    health = next(one["health"] for one in status["links"] if one["address"] == raised[0].source_id)
    assert 0.9 < health["success"] < 1.0
    assert health["timeouts"] > 0
    assert health["retries"] > 0
    assert 0.003 <= health["latency"]["p50_s"] <= 0.01
