"""What becomes of a mutant is written to where mutmut keeps it, and read from there."""

import json
from pathlib import Path

import pytest

from tests.mutation import mutants
from tests.mutation.mutants import FOLDER, SURVIVED, TESTS, TYPES, keep, stronger, verdicts


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two modules with three mutants each, of which nothing is known."""
    core = tmp_path / FOLDER / "pcs/core"
    core.mkdir(parents=True)
    for module in ("measure", "order"):
        names = [f"pcs.core.{module}.x_f__mutmut_{n}" for n in range(3)]
        (core / f"{module}.py.meta").write_text(json.dumps({"exit_code_by_key": dict.fromkeys(names)}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_verdicts_are_kept_module_by_module_beside_what_is_known(folder: Path) -> None:
    assert set(verdicts().values()) == {None}
    keep({"pcs.core.measure.x_f__mutmut_0": 1, "pcs.core.order.x_f__mutmut_2": 0}, folder)
    keep({"pcs.core.measure.x_f__mutmut_1": 37}, folder)
    assert list(verdicts().values()) == [TESTS, TYPES, None, None, None, SURVIVED]


@pytest.mark.parametrize(
    ("code", "verdict"),
    [(0, SURVIVED), (1, TESTS), (5, SURVIVED), (33, SURVIVED), (36, TESTS), (-24, TESTS), (37, TYPES), (2, None)],
)
def test_only_a_failing_test_a_type_or_the_end_of_its_time_kills_a_mutant(
    folder: Path, code: int, verdict: str | None
) -> None:
    """No test that reaches it, or none that fails: it lives. An interrupted run says nothing."""
    keep({"pcs.core.order.x_f__mutmut_0": code}, folder)
    assert verdicts()["pcs.core.order.x_f__mutmut_0"] == verdict


def test_without_a_second_round_no_survivor_is_known_to_be_killed(folder: Path) -> None:
    assert stronger() == {}
    (folder / mutants.STRONGER).write_text(json.dumps({"a": True}))
    assert stronger() == {"a": True}
