"""A cloud while the load falls is no reversed meter: telemetry comes late, and the window starts anew with it."""

from pcs.core import der_state, ders, observe
from pcs.core.der_state import DerState
from pcs.core.evolve import evolve
from pcs.core.policy import UNKNOWN_PLANT
from pcs.core.watch import _comparable
from pcs.core.wiring import Wiring, WiringState
from pcs.model.reading import DerIdentified, DerReading, LimitReadback
from pcs.model.site import DerKind, DerSpec
from tests.unit.test_dropout import run

SPEC = DerSpec(id="inv", kind=DerKind.PV, nameplate_w=10_000.0)
MET = DerIdentified(
    der_id="inv",
    manufacturer="",
    model="",
    serial="",
    firmware="",
    variant="704",
    rating_w=10_000.0,
    resolution_w=1.0,
    reverts_safe=True,
    found=LimitReadback(der_id="inv", limit_w=None, sent_s=0.0, received_s=0.0),
    found_is_own=True,
)


def saying(injection_w: float, at_s: float, der: DerState | None = None) -> DerState:
    """A DER of 10 kW that has just said what it injects."""
    der = der or ders.identified(der_state.new(SPEC, UNKNOWN_PLANT, 0.0), MET, 0.0)
    track = observe.advance(der.track, at_s, der.timing, 1.0)
    reading = DerReading(der_id="inv", injection_w=injection_w, sent_s=at_s, received_s=at_s)
    return ders.telemetry(evolve(der, track=track), reading)


def test_power_that_nothing_explains_ends_the_window_of_the_wiring_check() -> None:
    """Until the telemetry came, the flow had been paired with an injection that was no more."""
    steady = saying(5990.0, 11.0, saying(6000.0, 10.0))
    clouded = saying(2000.0, 12.0, steady)
    points = tuple((t, (20.0,), 6000.0) for t in (10.5, 11.0, 11.9))
    known = WiringState(verdict=Wiring.VERIFIED, points=points)
    assert _comparable(known, (steady,), (steady,)).points == points
    assert _comparable(known, (steady,), (clouded,)).points == ()
    assert _comparable(known, (steady,), (clouded,)).verdict is Wiring.VERIFIED


def test_a_der_that_drops_out_is_no_reversed_meter() -> None:
    """What is known of the injection falls by a DER's share at once; the flow does not."""
    for until_s in (31.9, 32.5, 34.0, 37.0):
        assert run(silent_from_s=30.0, until_s=until_s)[0].watches[0].wiring.verdict is not Wiring.WRONG
