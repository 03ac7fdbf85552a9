"""A limit that is read while a command is under way says nothing about a second writer."""

from pcs.core import der_state, ders
from pcs.core.evolve import evolve
from pcs.core.order import Order
from pcs.core.policy import UNKNOWN_PLANT
from pcs.model.fault import FaultKind
from pcs.model.reading import DerIdentified, LimitApplied, LimitReadback
from pcs.model.site import DerKind, DerSpec


def controlled_at(limit_w: float) -> ders.DerState:
    """A 6 kW inverter that confirmed `limit_w` at 1.0 s."""
    spec = DerSpec(id="inv2", kind=DerKind.PV, nameplate_w=6000.0)
    none = LimitReadback(der_id="inv2", limit_w=None, sent_s=0.0, received_s=0.0)
    found = DerIdentified(
        der_id="inv2",
        manufacturer="m",
        model="m",
        serial="1",
        firmware="1",
        variant="704",
        rating_w=6000.0,
        resolution_w=0.6,
        reverts_safe=True,
        found=none,
        found_is_own=True,
    )
    der = ders.identified(der_state.new(spec, UNKNOWN_PLANT, 0.0), found, 0.0)
    der = evolve(der, sent=Order(limit_w), sent_s=0.9, pending=True)
    return ders.applied(der, LimitApplied(der_id="inv2", limit_w=limit_w, sent_s=0.95, received_s=1.0))


def test_a_limit_read_between_a_write_and_its_confirmation_is_no_second_writer() -> None:
    """The verifying poll ran between the frame of 179 W and its own read-back, and was heard first."""
    der = evolve(controlled_at(161.0), sent=Order(179.0), sent_s=2.0, pending=True)
    seen = LimitReadback(der_id="inv2", limit_w=179.0, sent_s=2.01, received_s=2.02)
    assert not ders.readback(der, seen, 0.6).conditions


def test_another_limit_while_nothing_is_under_way_is_a_second_writer() -> None:
    seen = LimitReadback(der_id="inv2", limit_w=179.0, sent_s=2.01, received_s=2.02)
    after = ders.readback(controlled_at(161.0), seen, 0.6)
    assert [c.kind for c in after.conditions] == [FaultKind.DER_SECOND_WRITER]
