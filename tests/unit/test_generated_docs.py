"""What `make docs` makes is what lies in the tree."""

from pcs.core.failsafe import TABLE, Action, DerAction
from tests.docs import failsafe, health


def test_the_page_about_the_fail_safe_is_what_the_core_acts_on() -> None:
    """`python -m tests.docs.failsafe` makes it anew."""
    assert failsafe.TARGET.read_text(encoding="utf-8") == failsafe.generate()


def test_the_page_has_every_condition_and_every_state() -> None:
    page = failsafe.generate()
    assert [rule.kind for rule in TABLE if f"| {rule.kind} |" not in page] == []
    assert set(failsafe.STATES) == set(Action)
    assert set(failsafe.DER_STATES) == set(DerAction) - {DerAction.NONE}


def test_a_condition_stands_in_the_picture_just_above_the_state_it_leads_to() -> None:
    lines = failsafe.picture().splitlines()
    for rule in TABLE:
        if rule.action is not Action.NORMAL:
            below = lines[lines.index(f"    │  {rule.kind}") :]
            assert next(line for line in below if not line.startswith("    ")).split()[0] == rule.action.name.lower()


def test_the_page_about_health_is_what_the_controller_judges_by() -> None:
    """`python -m tests.docs.health` makes it anew."""
    assert health.TARGET.read_text(encoding="utf-8") == health.generate()
    assert len(health.thresholds()) == len(health.FIGURES)
