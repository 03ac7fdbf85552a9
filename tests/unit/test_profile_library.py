"""The library that is shipped: whole, sourced, without claims, and possible on the simulated rigs."""

import json
import re
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import pytest

from hil.analysis.result import Grade, Measurement
from hil.profile.expand import case_hash
from hil.profile.library import COMMON, library, library_folders, profile_files
from hil.profile.lint import GRADE_B_S, lint_case
from hil.profile.load import load_profile
from hil.profile.model import Profile
from hil.profile.rig_sheet import load_rig
from hil.profile.words import FAULTS, MODES, Measure, Provenance, Verb
from hil.profile.yaml_file import read_yaml
from tests.architecture.test_words import claims
from tests.docs import profile_schemas

CASES_MIN = 150
RIGS = ("simulated-split", "simulated-single", "simulated-wye", "simulated-g100-1", "simulated-g100-2")
TAGGED = re.compile(r"\[(S2?|M[+-])\]")


@cache
def profiles() -> dict[str, Profile]:
    """Every shipped profile."""
    return {name: load_profile(path, name=name) for name, path in library().items()}


def test_the_library_has_at_least_150_different_cases() -> None:
    cases = [case for profile in profiles().values() for case in profile.cases]
    assert len(cases) >= CASES_MIN
    assert len({case.hash for case in cases}) == len({case.id for case in cases}) == len(cases)


def test_a_profile_is_called_by_the_place_where_it_lies() -> None:
    assert [profile.id for profile in profiles().values()] == list(library())
    assert {Path(path).name for path in map(str, profile_files(["crd"]).values())} >= {"step-load-export-all.yaml"}


def test_every_fault_and_mode_is_exercised_by_some_profile() -> None:
    steps = [step for profile in profiles().values() for case in profile.cases for step in case.steps]
    assert set(FAULTS) <= {step.word("kind") for step in steps}
    assert set(MODES) <= {step.word("mode") for step in steps}
    assert set(Verb) <= {step.verb for step in steps}


def test_nothing_of_ours_says_that_it_is_from_a_standard_and_what_is_public_names_its_evidence() -> None:
    numbers = {
        (profile.id, p.name): p for profile in profiles().values() for case in profile.cases for p in case.parameters
    }
    assert [
        key for key, p in numbers.items() if p.provenance not in (Provenance.PUBLIC, Provenance.PROJECT_DEFAULT)
    ] == []
    public = {key: p for key, p in numbers.items() if p.provenance is Provenance.PUBLIC}
    assert [key for key, p in public.items() if not TAGGED.search(p.source)] == []
    assert len(public) > 50


def test_every_profile_says_which_of_its_numbers_are_public() -> None:
    for profile in profiles().values():
        assert "public" in profile.public, profile.id
        found = {p.provenance for case in profile.cases for p in case.parameters}
        assert Provenance.PUBLIC in found or "public" in profile.public


def test_no_text_of_the_library_claims_a_certificate() -> None:
    texts = [path.read_text(encoding="utf-8") for folder in library_folders() for path in folder.rglob("*.yaml")]
    assert [claim for text in texts for claim in claims(text)] == []
    assert [text for text in texts if re.search(r"\bPASS\b|complian", text)] == []


def test_texts_that_are_folded_over_lines_come_out_as_plain_text() -> None:
    """The reader of YAML leaves a mark (U+0007) at each fold, which pages show as a box."""
    said = [text for p in profiles().values() for text in (p.about, p.public, p.title, *(c.about for c in p.cases))]
    assert any("\n" in path.read_text(encoding="utf-8").partition("about: >-")[2][:200] for path in library().values())
    assert [text for text in said if not text.strip().isprintable()] == []


def test_every_common_parameter_is_used_by_several_profiles() -> None:
    common = read_yaml(library_folders()[0] / COMMON).data["parameters"]
    texts = [path.read_text(encoding="utf-8") for path in library().values()]
    once = [name for name in common if sum(name in text for text in texts) < 2]
    assert once == []


def test_every_case_without_a_remote_limit_can_be_done_on_one_of_the_simulated_rigs() -> None:
    """The controller of this project has no remote source of limits yet, and the sheets do not claim one."""
    rigs = [load_rig(library_folders()[0] / "rigs" / f"{name}.yaml") for name in RIGS]
    cases = [case for profile in profiles().values() for case in profile.cases]
    remote = {
        case.id
        for case in cases
        if any(step.word("by") == "remote" or step.word("kind") == "heartbeat" for step in case.steps)
    }
    left = {case.id for case in cases}
    for rig in rigs:
        for name, path in library().items():
            rated = load_profile(path, name=name, ratings=rig.ratings, rated_by=rig.id)
            left -= {case.id for case in rated.cases if not lint_case(case, rig)}
    assert left == remote


def test_a_case_about_a_regime_is_for_a_device_that_was_commissioned_for_it() -> None:
    """G100-I1, G100-I2-ST: its timers and its lock-out follow from that; a device that was told nothing has neither."""
    plain, first, second = (
        load_rig(library_folders()[0] / "rigs" / f"simulated-{name}.yaml") for name in ("wye", "g100-1", "g100-2")
    )
    one, two = profiles()["g100/issue-1-power-lost"].cases[0], profiles()["g100/issue-2-lockout"].cases[0]
    assert (one.regime, two.regime) == ("g100-1", "g100-2")
    assert [lint_case(one, first), lint_case(two, second)] == [[], []]
    for case, rig in ((one, plain), (one, second), (two, plain), (two, first)):
        (lack,) = lint_case(case, rig)
        assert lack.part == "device under test"
        assert f"commissioned for {case.regime}" in lack.what


def test_the_regime_of_a_case_is_part_of_what_its_hash_is_over() -> None:
    case = profiles()["crd/mode-unrestricted"].cases[0]
    assert case.regime == ""
    assert case_hash(case) == case.hash
    assert case_hash(replace(case, regime="g100-1")) != case.hash


def test_what_no_rig_of_ours_can_play_is_said_in_one_line_with_what_is_missing() -> None:
    """AU-SAPN-FIX, DE-EEB-1: a remote source of limits, for all of their cases alike."""
    rig = load_rig(library_folders()[0] / "rigs" / "simulated-wye.yaml")
    cases = [case for profile in profiles().values() for case in profile.cases]
    said = {(lack.part, lack.what) for case in cases for lack in lint_case(case, rig) if "remote" in lack.what}
    ((part, what),) = said
    assert part == "DutLink"
    assert "expiry, fallback and heartbeat" in what


def test_measures_are_called_as_the_analysis_calls_them() -> None:
    """The packages do not see each other; their words must agree all the same."""
    assert {measure.value for measure in Measure} <= {field.name for field in fields(Measurement)}
    assert [grade.value for grade in Grade] == ["A", "B", "C"]
    assert GRADE_B_S == 0.2


@pytest.mark.parametrize("name", sorted(profile_schemas.MODELS))
def test_the_published_schemas_are_those_that_files_are_checked_by(name: str) -> None:
    """`python -m tests.docs.profile_schemas` makes them anew."""
    published = (profile_schemas.FOLDER / name).read_text(encoding="utf-8")
    assert published == profile_schemas.generate()[name]
    assert json.loads(published)["additionalProperties"] is False


def test_the_library_is_shipped_in_the_wheel() -> None:
    import tomllib

    from tests.architecture.tree import text_of

    wheel = tomllib.loads(text_of("pyproject.toml"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"]["test_profiles"] == "hil/_data/test_profiles"
