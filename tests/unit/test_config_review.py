"""What a valid site file means for safety."""

from dataclasses import replace

import pytest

from pcs.config.profiles import profile_folder
from pcs.config.review import fallbacks, warnings
from pcs.config.site import load_site
from pcs.model.profile import FallbackDirection
from pcs.model.site import LinkAddress, LinkKind, Site, Tuning


@pytest.fixture
def site() -> Site:
    return load_site(profile_folder() / "sites" / "example.yaml")


def test_nameplate_that_nobody_commands_and_that_exceeds_the_export_limit_is_named_first(site: Site) -> None:
    assert warnings(site)[0] == (
        "the safe state cannot hold the export limit 0 W at poi: what is not controlled (old, 3000 W nameplate) "
        "can exceed it by 3000 W with every controlled DER at 0"
    )


@pytest.mark.parametrize(("limit_w", "held"), [(3000, True), (2999, False)])
def test_the_safe_state_holds_when_limit_and_credited_load_cover_what_is_not_controlled(
    site: Site, limit_w: float, held: bool
) -> None:
    changed = replace(site, limits=(replace(site.limits[0], value=limit_w),))
    assert held != any("cannot hold" in warning for warning in warnings(changed))
    moved = replace(site, limits=(replace(site.limits[0], value=0),), tuning=Tuning(credited_min_load_w=limit_w))
    assert held != any("cannot hold" in warning for warning in warnings(moved))


def test_a_site_without_any_controlled_der_is_told_that_nothing_can_hold(site: Site) -> None:
    assert warnings(replace(site, ders=site.ders[1:]))[0] == "no DER is controlled: nothing can hold a limit"


def test_what_a_der_does_without_its_controller_is_said_for_each_variant(site: Site) -> None:
    """CRD-ABN-1."""
    words = fallbacks(site.ders[0])
    assert words["704"].startswith("safe: ")
    assert "10 s" in words["704"]
    assert words["123"].startswith("hold: ")
    assert any(w.startswith("inv1: if it is controlled by model 123, nothing tightens") for w in warnings(site))
    assert not any("704" in w for w in warnings(site))
    assert fallbacks(site.ders[1])["any"].startswith("runs on")


def test_a_correction_time_that_the_plant_cannot_meet_or_the_crd_does_not_allow_is_told(site: Site) -> None:
    """CRD-OLRT-2."""
    fast = replace(site, limits=(replace(site.limits[0], correct_within_s=5),))
    slow = replace(site, limits=(replace(site.limits[0], correct_within_s=60),))
    assert any("0 W at poi: may take 9.0 s to restrict (slowest plant" in warning for warning in warnings(fast))
    assert any("longer than the 30 s of the UL 1741 CRD" in warning for warning in warnings(slow))
    assert not any("may take" in warning or "CRD" in warning for warning in warnings(site))


def test_a_journal_path_too_long_for_the_control_socket_is_told(site: Site) -> None:
    fits = "/" + "j" * (107 - len("//control.sock"))
    assert not any("control.sock" in warning for warning in warnings(replace(site, journal_dir=fits)))
    assert any("control.sock" in warning for warning in warnings(replace(site, journal_dir=fits + "j")))


def test_profiles_without_evidence_are_named_once_each(site: Site) -> None:
    twice = replace(site, ders=(*site.ders, replace(site.ders[0], id="inv2")))
    assert [w for w in warnings(twice) if w.startswith("profile ")] == [
        "profile sunspec/meter: unverified on hardware",
        "profile sunspec/inverter: unverified on hardware",
    ]


def test_a_der_that_drops_its_limit_without_a_controller_is_said_to_be_open(site: Site) -> None:
    profile = site.ders[0].profile
    assert profile is not None
    assert profile.limits is not None
    opens = replace(profile.limits["123"], fallback=FallbackDirection.OPEN)
    der = replace(site.ders[0], profile=replace(profile, limits={"123": opens}))
    assert fallbacks(der) == {"123": "open: drops the limit"}
    assert any(w.startswith("inv1: if it is controlled by model 123") for w in warnings(replace(site, ders=(der,))))


@pytest.mark.parametrize(("nameplate_w", "asked"), [(10.0, True), (149.0, True), (300.0, False)])
def test_a_nameplate_in_kilowatts_is_asked_about(site: Site, nameplate_w: float, asked: bool) -> None:
    changed = replace(site, ders=(replace(site.ders[0], nameplate_w=nameplate_w), *site.ders[1:]))
    assert asked == any(f"did you mean {1000 * nameplate_w:g}?" in warning for warning in warnings(changed))


@pytest.mark.parametrize(
    ("device", "told"), [("/dev/ttyUSB0", True), ("/dev/ttyAMA0", False), ("/dev/serial/by-id/usb-FTDI-if00", False)]
)
def test_a_port_whose_name_may_change_is_told_once(site: Site, device: str, told: bool) -> None:
    link = LinkAddress(kind=LinkKind.SERIAL, device=device, port=0)
    changed = replace(site, meters=(replace(site.meters[0], link=link),), ders=(replace(site.ders[0], link=link),))
    assert sum("/dev/serial/by-id" in warning for warning in warnings(changed)) == told
