"""A limit that is read back while a command of ours is under way is ours, not a second writer's."""

from pcs.core import der_state, ders, obey
from pcs.core.der_state import DerState
from pcs.core.economy import Bounds, command
from pcs.core.policy import UNKNOWN_PLANT
from pcs.model.fault import Fault, FaultKind
from pcs.model.profile import (
    DeviceKind,
    DeviceProfile,
    Evidence,
    FallbackDirection,
    LimitAction,
    LinkTiming,
    Persistence,
)
from pcs.model.reading import DerIdentified, LimitApplied, LimitFailed, LimitReadback
from pcs.model.site import DerKind, DerSpec

ACTION = LimitAction(persistence=Persistence.VOLATILE, refresh_s=0.0, fallback=FallbackDirection.HOLD, reversion_s=None)
PROFILE = DeviceProfile(
    id="a/b",
    title="",
    kind=DeviceKind.INVERTER,
    protocol="sunspec",
    evidence=Evidence.UNVERIFIED,
    sources=(),
    link=LinkTiming(deadline_s=1.0),
    limits={"704": ACTION},
)


def holding(limit_w: float) -> DerState:
    """A DER that confirmed `limit_w` at 1 s and has been told 558 W at 2 s."""
    spec = DerSpec(id="inv", kind=DerKind.PV, nameplate_w=6000.0, profile=PROFILE)
    found = LimitReadback(der_id="inv", limit_w=limit_w, sent_s=0.9, received_s=1.0)
    met = DerIdentified(
        der_id="inv",
        manufacturer="",
        model="",
        serial="",
        firmware="",
        variant="704",
        rating_w=6000.0,
        resolution_w=0.6,
        reverts_safe=True,
        found=found,
        found_is_own=True,
    )
    der = ders.identified(der_state.new(spec, UNKNOWN_PLANT, 0.0), met, 1.0)
    der, order = command(der, Bounds(limit_w, 0.0, 0.0, 0.0), 1.0)
    assert order is not None
    der = ders.applied(der, LimitApplied(der_id="inv", limit_w=limit_w, sent_s=1.0, received_s=1.1))
    der, order = command(der, Bounds(558.0, 0.0, 0.0, 0.0), 2.0)
    assert order is not None
    return der


def seen(limit_w: float | None, sent_s: float) -> LimitReadback:
    return LimitReadback(der_id="inv", limit_w=limit_w, sent_s=sent_s, received_s=sent_s + 0.01)


def test_a_new_limit_that_is_read_before_it_is_confirmed_is_no_second_writer() -> None:
    """The read went out between the write and its confirmation, and overtook the latter."""
    der = ders.readback(holding(539.4), seen(558.0, 2.02), 0.6)
    assert der.conditions == ()
    assert der.sent_w == 558.0


def test_a_limit_that_nobody_of_ours_wrote_is_a_second_writer_once_nothing_is_under_way() -> None:
    der = ders.applied(holding(539.4), LimitApplied(der_id="inv", limit_w=558.0, sent_s=2.01, received_s=2.05))
    der = ders.readback(der, seen(700.0, 3.0), 0.6)
    assert [c.kind for c in der.conditions] == [FaultKind.DER_SECOND_WRITER]


def test_a_newer_limit_that_is_read_between_two_confirmations_is_no_second_writer() -> None:
    """The writer's slot holds one command more: the first is confirmed while the second is on the wire."""
    der = ders.applied(holding(500.0), LimitApplied(der_id="inv", limit_w=539.4, sent_s=1.9, received_s=2.01))
    assert ders.readback(der, seen(558.0, 2.02), 0.6).conditions == ()


def test_a_limit_whose_confirmation_was_lost_is_ours_also_when_a_later_command_failed() -> None:
    """One lost reply after a lowering must not become a limit that only the installer can release."""
    lost = Fault(kind=FaultKind.NO_ANSWER, source_id="inv", at_s=3.0)
    der = obey.unwritten(holding(5000.0), LimitFailed(der_id="inv", limit_w=558.0, fault=lost))
    der, order = command(der, Bounds(400.0, 0.0, 0.0, 0.0), 3.1)
    assert order is not None
    der = obey.unwritten(der, LimitFailed(der_id="inv", limit_w=400.0, fault=lost))
    der = ders.readback(der, seen(558.0, 3.3), 0.6)
    assert der.conditions == ()
    assert der.most_w == 6000.0
