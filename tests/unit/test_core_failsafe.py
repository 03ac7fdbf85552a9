"""The fail-safe table: complete, and the severest row wins."""

import ast
from itertools import combinations
from pathlib import Path

import pytest

import pcs.core
from pcs.core.failsafe import RULES, TABLE, Action, Clears, DerAction, obeys, site_action
from pcs.model.fault import FaultKind
from tests import core_site as site

CORE = Path(pcs.core.__file__).parent
DERIVED = [kind for kind in FaultKind if kind.name.startswith(("METER_", "DER_", "CANNOT_", "RESTARTS", "LOCKED_"))] + [
    FaultKind.WRONG_DEVICE
]
WITHOUT_ROW = {FaultKind.METER_IMPLAUSIBLE}
"""Why one poll is no measurement; what lasts is a lost meter."""


def named_in_core() -> set[FaultKind]:
    """Every fault kind that a module of the core gives to somebody."""
    found = set()
    for path in CORE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "FaultKind":
                found.add(FaultKind[node.attr])
    return found


def test_every_condition_has_exactly_one_row() -> None:
    assert len(RULES) == len(TABLE)
    assert set(RULES) == set(DERIVED) - WITHOUT_ROW


def test_every_condition_that_the_core_names_has_a_row() -> None:
    assert named_in_core() - WITHOUT_ROW == set(RULES)


def test_severity_rises_from_hold_over_tighten_to_safe() -> None:
    assert Action.NORMAL < Action.HOLD < Action.TIGHTEN < Action.SAFE
    assert DerAction.NONE < DerAction.REASSERT < DerAction.HONOUR < DerAction.RESERVE


@pytest.mark.parametrize(("one", "other"), list(combinations(FaultKind, 2)))
def test_of_two_conditions_the_severer_action_wins(one: FaultKind, other: FaultKind) -> None:
    faults = (site.fault(one, 0.0), site.fault(other, 0.0))
    actions = [RULES[k].action for k in (one, other) if k in RULES]
    assert site_action(faults) is site_action(faults[::-1]) is max(actions, default=Action.NORMAL)


def test_every_trouble_with_the_meter_is_at_least_a_hold() -> None:
    for kind in RULES:
        if kind.name.startswith("METER_"):
            assert RULES[kind].action >= Action.HOLD
    assert RULES[FaultKind.METER_LATE].action is Action.HOLD
    assert RULES[FaultKind.METER_STALE].action is Action.TIGHTEN
    assert RULES[FaultKind.METER_LOST].action is Action.SAFE


def test_only_a_der_whose_nameplate_is_reserved_is_not_counted_on() -> None:
    counted = {k for k in RULES if obeys((site.fault(k, 0.0, "d0"),), "d0")}
    reserved = {FaultKind.DER_SILENT, FaultKind.DER_DISOBEDIENT, FaultKind.DER_UNWRITABLE, FaultKind.WRONG_DEVICE}
    assert set(RULES) - counted == reserved
    assert obeys((site.fault(FaultKind.DER_SILENT, 0.0, "d1"),), "d0"), "another's trouble"


def test_limits_of_others_are_released_by_people_only() -> None:
    by_installer = {k for k, rule in RULES.items() if rule.clears is Clears.BY_INSTALLER}
    assert by_installer == {FaultKind.DER_FOREIGN_LIMIT, FaultKind.DER_SECOND_WRITER}
