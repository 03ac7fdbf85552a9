"""Lock-outs in the shell: what of them is written when, what people are told, and what a reset answers."""

from typing import Any

from pcs.core import lockout
from pcs.core.evolve import evolve
from pcs.core.policy import Policy
from pcs.core.state import State
from pcs.model.lockout import ACTION_WORDS, LEFT_OVER, LockoutAction, LockoutRecord, Who
from pcs.model.units import Instant
from pcs.ports import LockoutMemory

NO_PROOF = (
    "nobody proves who they are in this version: whoever may ask the controller (its own user, and root) is believed"
)


class Remembered:
    """The record of one run on its way to what survives a power cut."""

    def __init__(self, memory: LockoutMemory | None) -> None:
        self._memory = memory
        self._saved: LockoutRecord | None = None
        self.found = memory.load() if memory is not None else None

    def policy(self, policy: Policy) -> Policy:
        """The policy with rules for a lock-out that stands though the site's preset has none any more."""
        stands = self.found is not None and self.found.locked is not None
        return evolve(policy, lockout=LEFT_OVER) if stands and policy.lockout is None else policy

    def keep(self, state: State, *, leaves: bool = False) -> None:
        """Have the record written if it is due; `leaves`: the controller ends in good order."""
        record = state.lockout.record
        if self._memory is not None and (leaves or lockout.due(self._saved, record)):
            self._memory.save(evolve(record, orderly=leaves))
            self._saved = record


def told(state: State, policy: Policy, now: Instant) -> dict[str, Any] | None:
    """What people may know of lock-outs; None where the site's preset has none."""
    rules, record = policy.lockout, state.lockout.record
    if rules is None:
        return None
    locked = record.locked
    counted = [
        {
            "rule": rule.id,
            "counted": sum(m.rule_id == rule.id for m in record.marks),
            "locks_out_at": rule.count,
            "lasting_s": rule.lasting_s,
            "beyond_pct": rule.beyond_pct,
            "window_s": rule.window_s,
        }
        for rule in rules.rules
    ]
    facts: dict[str, Any] = {"preset": rules.preset, "locked": locked is not None, "excursions": counted}
    if locked is None:
        return facts
    ends_s = rules.reset.by_itself_s
    return {
        **facts,
        "since_utc_s": locked.since_utc_s or None,
        "why": locked.why,
        "does": ACTION_WORDS[locked.action],
        "trip": locked.action is LockoutAction.TRIP,
        "ends_by_itself_utc_s": None
        if ends_s is None
        else now.utc_s + max(0.0, locked.renewed_s + ends_s - record.clock_s),
        "reset": {who.value: _may(state, policy, who, now) for who in Who},
        "proof": NO_PROOF,
    }


def _may(state: State, policy: Policy, who: Who, now: Instant) -> dict[str, Any]:
    assert policy.lockout is not None
    verdict = lockout.may_reset(state.lockout, policy.lockout, who)
    from_utc_s = None if verdict.in_s is None else now.utc_s + verdict.in_s
    return {"allowed": verdict.allowed, "why": verdict.why, "from_utc_s": from_utc_s}


def answer_reset(state: State, policy: Policy, who: Who, now: Instant) -> dict[str, Any]:
    """What somebody who asks for a reset is told (schema pcs.reset/1)."""
    if policy.lockout is None:
        verdict: dict[str, Any] = {"allowed": False, "why": "nothing is locked out", "from_utc_s": None}
    else:
        verdict = _may(state, policy, who, now)
    return {"schema": "pcs.reset/1", "as": who.value, **verdict, "proof": NO_PROOF}
