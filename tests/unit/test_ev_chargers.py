"""EV chargers with register maps: watts to amperes and back, pauses, fail-safe current; no network."""

import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcs.config.problems import ConfigError
from pcs.config.profiles import load_profiles, profile_folder
from pcs.devices.charge_current import CurrentControl, ampere_w
from pcs.devices.inverter import Explains
from pcs.devices.register_charger import RegisterCharger
from pcs.devices.registry import inverter_for
from pcs.model.command import LimitActivePower
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import DerIdentified, DerReading, LimitApplied, LimitReadback
from pcs.model.site import DerKind, DerSpec, LinkAddress
from pcs.ports import Priority, Reply
from tests.link_helpers import FakeLink
from tests.storage_kit import nobody
from tests.sunspec_kit import do

PROFILES = load_profiles()
WYE_690 = 690.0  # three conductors at 230 V: W per ampere


def charger(
    link: FakeLink, profile: str = "amperfied/connect", explains: Explains = nobody, *, connection: str | None = None
) -> tuple[RegisterCharger, DerIdentified]:
    spec = DerSpec(
        id="ev1",
        kind=DerKind.EVSE,
        nameplate_w=11_040.0,
        charge_w=11_040.0,
        charge_min_w=4_140.0,
        ampere_w=WYE_690,
        connection=connection,
        profile=PROFILES[profile],
        link=LinkAddress(host="test"),
    )
    device = inverter_for(spec, link, explains)
    assert isinstance(device, RegisterCharger)
    found = do(device.identify())
    assert isinstance(found, DerIdentified), found
    link.log.clear()
    return device, found


def amperfied(
    *, current: int = 160, failsafe: int = 160, watchdog: int = 0, volts: int = 231, power: int = 7_000
) -> FakeLink:
    """A wallbox as the vendor's register table describes it."""
    link = FakeLink()
    link.put(4, 0x0108, 7, 101, 101, 101, 350, volts, volts - 2, volts - 1, 0, power)
    link.put(100, 16, 6)
    link.put(257, watchdog, 4, 1, 0, current, failsafe)
    return link


def alfen(*, current: float = 16.0, power: float = 7_000.0) -> FakeLink:
    """One socket of a station as the vendor's document describes it; what does not exist is all ones."""
    link = FakeLink()
    link.put(300, *([0xFFFF] * 130))
    link.put(305, 0)
    for phase in range(3):
        link.put_bytes(306 + 2 * phase, struct.pack(">f", 231.0))
    link.put_bytes(344, struct.pack(">f", power))
    link.put(1200, 1, *([0] * 9))
    link.put_bytes(1210, struct.pack(">ff", current, 6.0))
    link.put(1214, 1, 3)
    return link


def draw(charge_limit_w: float | None, reversion_w: float = 0.0) -> LimitActivePower:
    return LimitActivePower(
        der_id="ev1",
        limit_w=0.0,
        reversion_limit_w=0.0,
        charge_limit_w=charge_limit_w,
        reversion_charge_limit_w=reversion_w,
        urgent=True,
    )


def _applied(answer: object) -> LimitApplied:
    assert isinstance(answer, LimitApplied), answer
    return answer


def test_a_charger_is_a_load_with_a_limit_of_its_draw() -> None:
    _, found = charger(amperfied())
    assert (found.charge_rating_w, found.rating_source) == (11_040.0, "hardware_most")
    assert (found.bounds_charge, found.takes_setpoint, found.reverts_safe) == (True, False, True)
    assert found.charge_resolution_w == pytest.approx(69.0)
    assert (found.found.limit_w, found.found.charge_limit_w) == (0.0, 11_040.0)
    assert found.found_is_own


def test_what_it_draws_is_negative_injection() -> None:
    device, _ = charger(amperfied())
    reading = do(device.measure())
    assert isinstance(reading, DerReading)
    assert reading.injection_w == -7_000.0
    idle = do(charger(amperfied(power=0))[0].measure())
    assert isinstance(idle, DerReading)
    assert str(idle.injection_w) == "0.0"


def test_a_tighter_current_goes_out_before_the_fail_safe_is_armed() -> None:
    link = amperfied()
    device, _ = charger(link)
    applied = _applied(do(device.apply(draw(5_000.0, 4_200.0))))
    assert link.written == [(261, (72,)), (262, (60,)), (257, (15_000,))]
    assert (applied.limit_w, applied.charge_limit_w) == (0.0, pytest.approx(7.2 * 690.0))
    held = do(device.read_limit())
    assert isinstance(held, LimitReadback)
    assert (held.charge_limit_w, held.reversion_s, held.reversion_limit_w) == (applied.charge_limit_w, 15.0, None)
    assert held.reversion_charge_limit_w == pytest.approx(6.0 * 690.0)
    link.put(261, 60)  # its watchdog ran out
    fallen = do(device.read_limit())
    assert isinstance(fallen, LimitReadback)
    assert (fallen.charge_limit_w, fallen.reversion_limit_w) == (fallen.reversion_charge_limit_w, 0.0)


class Functions(FakeLink):
    """Keeps the function code of every request."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: set[tuple[int, int]] = set()

    async def read(
        self, unit: int, address: int, count: int, *, deadline_s: float, priority: Priority, function: int = 3
    ) -> Reply | Fault:
        self.codes.add((function, address))
        return await super().read(unit, address, count, deadline_s=deadline_s, priority=priority)

    async def write(
        self,
        unit: int,
        address: int,
        words: tuple[int, ...],
        *,
        deadline_s: float,
        priority: Priority,
        function: int = 16,
    ) -> Reply | Fault:
        self.codes.add((function, address))
        return await super().write(unit, address, words, deadline_s=deadline_s, priority=priority)


def test_measurements_are_input_registers_and_commands_are_holding_registers() -> None:
    link = Functions()
    link.registers = amperfied().registers
    device, _ = charger(link)
    do(device.measure())
    _applied(do(device.apply(draw(5_000.0))))
    assert link.codes == {(4, 4), (4, 100), (4, 6), (3, 257), (3, 261), (16, 261), (16, 262), (16, 257)}


def test_a_raise_goes_out_after_the_fail_safe_and_later_ones_are_a_single_frame() -> None:
    """NEC-750.30-23, SW-IMPL."""
    link = amperfied(current=60)
    device, _ = charger(link)
    _applied(do(device.apply(draw(11_040.0))))
    assert link.written == [(262, (0,)), (257, (15_000,)), (261, (160,))]
    link.written.clear()
    _applied(do(device.apply(draw(6_900.0))))
    assert link.written == [(261, (100,))]
    assert {priority for kind, _, _, priority in link.log if kind == "write"} == {Priority.LIMIT_WRITE}


def test_below_the_least_current_the_charger_is_paused() -> None:
    link = amperfied()
    device, _ = charger(link)
    assert _applied(do(device.apply(draw(6.0 * WYE_690 - 1.0)))).charge_limit_w == 0.0
    assert link.written[0] == (261, (0,))
    assert _applied(do(device.apply(draw(6.0 * WYE_690)))).charge_limit_w == pytest.approx(6.0 * WYE_690)
    assert link.written[-1] == (261, (60,))


def test_no_current_beyond_what_the_charger_takes_is_written() -> None:
    link = amperfied(current=60)
    device, _ = charger(link)
    assert _applied(do(device.apply(draw(40_000.0)))).charge_limit_w == pytest.approx(11_040.0)
    assert link.written[-1] == (261, (160,))


def test_a_command_that_does_not_speak_of_the_draw_allows_the_rating() -> None:
    link = amperfied(current=60)
    device, _ = charger(link)
    assert _applied(do(device.apply(draw(None)))).charge_limit_w == pytest.approx(11_040.0)


def test_alfen_takes_floats_and_has_no_fail_safe_of_ours() -> None:
    link = alfen()
    device, found = charger(link, "alfen/ng9xx")
    assert (found.reverts_safe, found.rating_source) == (False, "nameplate of the site file")
    applied = _applied(do(device.apply(draw(5_000.0))))
    assert link.written == [(1210, struct.unpack(">HH", struct.pack(">f", 7.2)))]
    assert applied.charge_limit_w == pytest.approx(7.2 * 690.0)
    reading = do(device.measure())
    assert isinstance(reading, DerReading)
    assert reading.injection_w == -7_000.0
    assert link.log[-1][1:3] == (306, 40)


def test_a_charger_that_was_never_told_a_current_holds_none() -> None:
    link = alfen()
    link.put(1210, 0xFFFF, 0xFFFF)
    device, found = charger(link, "alfen/ng9xx")
    assert found.found.charge_limit_w is None
    assert found.found_is_own
    assert _applied(do(device.apply(draw(0.0)))).charge_limit_w == 0.0


@pytest.mark.parametrize(("address", "word", "evidence"), [
    (261, 73, "current_limit is 7.3"),
    (262, 160, "failsafe_current is 16"),
    (257, 0, "watchdog is 0.0 instead of 15"),
])  # fmt: skip
def test_a_charger_that_keeps_something_else_is_not_applied(address: int, word: int, evidence: str) -> None:
    link = amperfied()
    device, _ = charger(link)
    link.after_write = lambda: link.put(address, word)
    fault = do(device.apply(draw(5_000.0)))
    assert isinstance(fault, Fault)
    assert fault.kind is FaultKind.NOT_APPLIED
    assert evidence in fault.detail


def test_measured_volts_make_the_current_and_a_later_voltage_does_not_make_another_limit() -> None:
    link = amperfied(volts=240)
    device, _ = charger(link, connection="L123")
    do(device.measure())
    applied = _applied(do(device.apply(draw(7_200.0))))
    assert link.written[0] == (261, (100,))
    assert applied.charge_limit_w == pytest.approx(7_200.0)
    link.put(10, 226, 226, 226)
    do(device.measure())
    held = do(device.read_limit())
    assert isinstance(held, LimitReadback)
    assert held.charge_limit_w == applied.charge_limit_w


@pytest.mark.parametrize(("nominal_w", "conductors", "volts_v", "expected_w"), [
    (690.0, 3, (228.0, 234.0, 231.0), 702.0),
    (690.0, 3, (231.0, 9.0, 9.0), 693.0),
    (690.0, 3, (None, None, None), 690.0),
    (690.0, 3, (400.0, 400.0, 400.0), 690.0),
    (230.0, 1, (235.0, 9.0, None), 235.0),
    (240.0, None, (121.0, 121.0, None), 240.0),
])  # fmt: skip
def test_watts_of_one_ampere_come_from_the_highest_believable_voltage(
    nominal_w: float, conductors: int | None, volts_v: tuple[float | None, ...], expected_w: float
) -> None:
    assert ampere_w(nominal_w, conductors, volts_v) == pytest.approx(expected_w)


@pytest.mark.parametrize(("link", "journal", "own"), [
    (amperfied(current=80), {}, False),
    (amperfied(current=80), {"charge limit of Amperfied connect ev1": 8.0 * 690.0}, True),
    (amperfied(current=80, failsafe=80, watchdog=15_000), {}, True),
    (amperfied(current=80, failsafe=80, watchdog=0), {}, False),
])  # fmt: skip
def test_a_current_found_is_own_if_the_journal_or_the_armed_watchdog_explains_it(
    link: FakeLink, journal: dict[str, float], own: bool
) -> None:
    explains = lambda name, w, tolerance_w: abs(journal.get(name, 1e9) - w) <= tolerance_w  # noqa: E731
    assert charger(link, explains=explains)[1].found_is_own is own


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_a_current_of_which_one_request_is_lost_is_not_claimed(lost: int) -> None:
    link = amperfied()
    device, _ = charger(link)
    link.fail_after = lost
    fault = do(device.apply(draw(5_000.0)))
    assert isinstance(fault, Fault)
    assert fault.kind is FaultKind.NO_CONNECTION


def test_another_device_is_not_taken_for_a_charger() -> None:
    link = amperfied()
    link.put(101, 600)
    spec = DerSpec(
        id="ev1", kind=DerKind.EVSE, nameplate_w=11_000.0, profile=PROFILES["amperfied/connect"], link=LinkAddress()
    )
    fault = do(inverter_for(spec, link, nobody).identify())
    assert isinstance(fault, Fault)
    assert fault.kind is FaultKind.WRONG_DEVICE
    with pytest.raises(LookupError, match="no evse speaks 'sunspec'"):
        inverter_for(replace(spec, profile=PROFILES["sunspec/inverter"]), link, nobody)


@pytest.mark.parametrize("bad", [draw(-1.0), draw(1.0, -1.0)])
def test_a_draw_that_is_no_magnitude_is_a_bug(bad: LimitActivePower) -> None:
    with pytest.raises(ValueError, match="magnitude"):
        do(charger(amperfied())[0].apply(bad))


def test_a_chargers_limit_is_a_current(tmp_path: Path) -> None:
    text = (profile_folder() / "amperfied" / "connect.yaml").read_text()
    wrong = tmp_path / "amperfied" / "connect.yaml"
    wrong.parent.mkdir()
    wrong.write_text(text.replace("function: 3, scale: 0.1, unit: A}", "function: 3, scale: 0.1, unit: W}", 1))
    with pytest.raises(ConfigError, match="a number in A, mA"):
        load_profiles(tmp_path)


@given(charge_w=st.floats(0.0, 40_000.0), volts=st.integers(200, 255), profile=st.sampled_from(["amperfied", "alfen"]))
def test_currents_are_rounded_down_to_steps_or_to_a_pause_and_never_beyond_the_limit(
    charge_w: float, volts: int, profile: str
) -> None:
    link, name = (amperfied(volts=volts), "amperfied/connect") if profile == "amperfied" else (alfen(), "alfen/ng9xx")
    device, found = charger(link, name, connection="L123")
    do(device.measure())
    applied = _applied(do(device.apply(draw(charge_w))))
    control = CurrentControl(PROFILES[name].limits["current"], PROFILES[name].registers)  # type: ignore[index,arg-type]
    assert applied.charge_limit_w is not None
    assert applied.charge_limit_w <= charge_w * (1 + 1e-9)
    step_w = max(found.charge_resolution_w, 0.1 * 3 * 264.5)
    if 6.0 * 3 * 264.5 <= charge_w <= 16.0 * 3 * 195.5:
        assert applied.charge_limit_w > charge_w - step_w
    held = do(device.read_limit())
    assert isinstance(held, LimitReadback)
    assert held.charge_limit_w == applied.charge_limit_w
    assert control.current_a(5.99) == 0.0
