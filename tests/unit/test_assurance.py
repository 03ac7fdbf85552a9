"""The data behind docs/assurance.md: every id exists, nothing contradicts what cites it, every named test is there."""

import pytest

from hil.profile.library import library
from tests.assurance.catalogue import Hazard, Requirement, hazards, ill_formed, requirements
from tests.assurance.citations import (
    Cited,
    citations,
    contradictions,
    files_with_tests,
    ids,
    named_elsewhere,
    said_by,
    status,
)


def unknown(cited: set[str], known: set[str]) -> list[str]:
    """Ids that are cited and do not exist."""
    return sorted(cited - known)


def unshown(entries: tuple[Hazard, ...], tests: set[str], profiles: set[str]) -> list[str]:
    """Tests and profiles that hazards name and that there are not."""
    named = [(f"{e.group}: {e.what}", name) for e in entries for name in e.tests if name not in tests]
    named += [(f"{e.group}: {e.what}", name) for e in entries for name in e.profiles if name not in profiles]
    return [f"{where}: {name}" for where, name in named]


def requirement(**more: object) -> Requirement:
    facts: dict[str, object] = {"id": "CRD-X-1", "says": "x", "evidence": "S", "concerns": ("controller",), **more}
    return Requirement(**facts)  # type: ignore[arg-type]


def test_every_requirement_is_well_formed() -> None:
    assert [fault for entry in requirements().values() for fault in ill_formed(entry)] == []


def test_every_id_has_the_form_that_citations_are_found_by() -> None:
    assert [name for name in requirements() if ids(f"as {name}: so") != [name]] == []


def test_every_id_that_is_cited_anywhere_exists() -> None:
    assert unknown(set(citations()) | set(named_elsewhere()), set(requirements())) == []


def test_nothing_contradicts_what_tests_and_profiles_cite() -> None:
    assert contradictions(requirements().values(), citations()) == []


def test_every_test_and_profile_that_a_hazard_names_exists() -> None:
    tests = {f"{module.path}::{name}" for module in files_with_tests() for name in said_by(module)}
    assert unshown(hazards(), tests, set(library())) == []


def test_every_hazard_says_what_is_left() -> None:
    assert [entry.what for entry in hazards() if not (entry.what and entry.caught and entry.left)] == []
    assert len({(entry.group, entry.what) for entry in hazards()}) == len(hazards())


def test_an_id_that_does_not_exist_and_a_hazard_without_its_test_are_found() -> None:
    assert unknown({"CRD-ABN-1", "CRD-ABN-9"}, {"CRD-ABN-1"}) == ["CRD-ABN-9"]
    entry = Hazard(group="g", what="w", caught="c", tests=("a.py::test_b",), profiles=("crd/none",), left="l")
    assert unshown((entry,), {"a.py::test_c"}, {"crd/some"}) == ["g: w: a.py::test_b", "g: w: crd/none"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("CRD-ABN-3, CRD-ABN-6: both. See 1547.1-5.14.9/.10.", ["CRD-ABN-3", "CRD-ABN-6", "1547.1-5.14.9/.10"]),
        ("IEEE 1547-2018 and 1547.1-2020, IEC 61851-1, PI-MBUS-300, docs/CRD-ABN-1.md", []),
        ("(CRD-OLRT-1)", ["CRD-OLRT-1"]),
    ],
)
def test_ids_are_told_from_names_of_standards(text: str, found: list[str]) -> None:
    assert ids(text) == found


def test_data_that_say_something_else_than_the_citations_are_found() -> None:
    bare, excused = requirement(), requirement(why="not built")
    cited = {"CRD-X-1": Cited(tests=[("a.py", "test_b")])}
    assert len(contradictions([bare], {})) == 1
    assert contradictions([bare], cited) == []
    assert len(contradictions([excused], cited)) == 1
    assert contradictions([excused], {}) == []
    assert contradictions([requirement(concerns=("utility",), why="theirs")], cited) == []


def test_a_status_says_what_is_there_and_what_is_missing() -> None:
    both = Cited(tests=[("a.py", "test_b")], profiles=["crd/x"])
    assert status(requirement(), both) == "tested, measured on the bench"
    assert status(requirement(), Cited(profiles=["crd/x"])) == "measured on the bench"
    assert status(requirement(missing="half"), both) == "partly: half"
    assert status(requirement(why="not built"), Cited()) == "**not covered**: not built"
    assert status(requirement(concerns=("utility",), why="theirs"), both) == "not for us: theirs"


@pytest.mark.parametrize(
    "more", [{"says": ""}, {"evidence": "rumour"}, {"concerns": ("me",)}, {"missing": "a", "why": "b"}]
)
def test_a_requirement_that_is_no_good_is_found(more: dict[str, object]) -> None:
    assert ill_formed(requirement(**more)) != []
    assert ill_formed(requirement(concerns=("utility",))) != []
