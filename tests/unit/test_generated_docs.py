"""What `make docs` makes is what lies in the tree."""

import re
from xml.etree import ElementTree

from pcs.core.failsafe import TABLE, Action, Clears, DerAction
from tests.assurance.catalogue import hazards, requirements
from tests.docs import assurance, explain, failsafe, health, journal

SVG = "http://www.w3.org/2000/svg"


def test_the_page_about_the_fail_safe_is_what_the_core_acts_on() -> None:
    """`python -m tests.docs.failsafe` makes it anew."""
    assert failsafe.TARGET.read_text(encoding="utf-8") == failsafe.generate()


def test_the_page_has_every_condition_and_every_state() -> None:
    page = failsafe.generate()
    assert [rule.kind for rule in TABLE if f"| {rule.kind} |" not in page] == []
    assert set(failsafe.STATES) == set(Action)
    assert set(failsafe.DER_STATES) == set(DerAction)


def test_every_condition_that_ends_with_its_cause_says_what_that_is() -> None:
    assert set(failsafe.HEALED) == {rule.kind for rule in TABLE if rule.clears is Clears.WHEN_HEALTHY}


def test_the_pictures_of_the_fail_safe_are_what_the_core_acts_on() -> None:
    """`python -m tests.docs.failsafe` makes them anew."""
    for path, text in failsafe.pictures().items():
        assert path.read_text(encoding="utf-8") == text


def test_a_condition_stands_in_a_picture_beside_the_state_it_leads_to_and_its_end_beside_it() -> None:
    site, der = (parse(text) for text in failsafe.pictures().values())
    for rule in TABLE:
        for drawn, state in ((site, rule.action), (der, rule.der_action)):
            if not state:
                assert str(rule.kind) not in drawn
                continue
            words = failsafe.STATES if isinstance(state, Action) else failsafe.DER_STATES
            name, below = failsafe.called(state), [failsafe.called(s) for s in words if s > state]
            places = [k for k, text in enumerate(drawn) if text == rule.kind]
            assert len(places) == 1
            assert drawn.index(name) < places[0] < min((drawn.index(b) for b in below), default=len(drawn))
            assert drawn[places[0] + 1] == failsafe.ends(rule)


def parse(svg: str) -> list[str]:
    """The texts of a picture in their order."""
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{{{SVG}}}text")]


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


def test_the_page_about_assurance_is_what_data_and_citations_say() -> None:
    """`python -m tests.docs.assurance` makes it anew."""
    assert assurance.TARGET.read_text(encoding="utf-8") == assurance.generate()
    assert assurance.HAZARDS.read_text(encoding="utf-8") == assurance.hazard_page()


def test_every_requirement_has_one_row_and_every_hazard_too() -> None:
    page, hazard_page = assurance.generate(), assurance.hazard_page()
    assert [name for name in requirements() if page.count(f"| {name} | ") != 1] == []
    assert [e.what for e in hazards() if hazard_page.count(f"| {e.what} | {e.caught} | ") != 1] == []
