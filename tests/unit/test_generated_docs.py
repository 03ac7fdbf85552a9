"""What `make docs` makes is what lies in the tree."""

import re

from pcs.core.failsafe import TABLE, Action, DerAction
from tests.docs import explain, failsafe, health, journal


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


def without_output(page: str) -> str:
    """A page without what its commands printed, and without figures: those follow the core and the clock's digits."""
    page = re.sub(r"(?m)^The meter shows .*\n.*$", "", page)
    return re.sub(r"\d[\d.]*", "#", re.sub(r"(?m)(?<=^```\n)(\$ .*\n)(?s:.*?)(?=^```$)", r"\1", page))


def test_the_page_about_the_journal_is_true_and_its_examples_run() -> None:
    """`python -m tests.docs.journal` makes it anew."""
    made = journal.generate()
    assert without_output(journal.TARGET.read_text(encoding="utf-8")) == without_output(made)
    for words in (
        "not damaged",
        "identical: ",
        "EXCURSION_ENDED",
        ": excursion ended: ",
        "commands der_id=inv1 limit_w=",
    ):
        assert words in made


def test_the_page_about_health_is_what_the_controller_judges_by() -> None:
    """`python -m tests.docs.health` makes it anew."""
    assert health.TARGET.read_text(encoding="utf-8") == health.generate()
    assert len(health.thresholds()) == len(health.FIGURES)


def test_the_page_about_explaining_is_true_and_its_examples_run() -> None:
    """`python -m tests.docs.explain` makes it anew."""
    made = explain.generate()
    assert without_output(explain.TARGET.read_text(encoding="utf-8")) == without_output(made)
    for words in (
        "export limit 0 W at poi binds since ",
        "next: the DERs may feed more",
        "dead time",
        "restrict after",
    ):
        assert words in made
