"""Twin files with storage, chargers and points: what they may say, what the site file says, what registers show."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from hil.plant.evse import Evse
from hil.plant.orders import CurrentOrder, RateOrder, SetOrder
from hil.plant.presets import DER_PRESETS, METER_PRESETS, USUAL_PRESET
from hil.rig.image import Image
from hil.rig.simulated import SimulatedSite
from hil.rig.site_file import site_file
from hil.rig.sunspec_ders import DerDevice
from hil.rig.twin_file import KEYS_OF, DerPart, MeterPart
from hil.rig.twin_load import load_twin
from tests.twin_kit import mistakes, write
from tests.virtual_time import run_virtually

GOOD = """\
schema: hil.twin/1
site: {name: T, system: wye, nominal_v: 230}
supply: {resistance_ohm: 0.02}
points:
  - {id: panel_b, kind: busbar, rating_a: 63}
  - {id: rest, meter: [poi, -sub]}
meters:
  - {id: poi}
  - {id: sub, point: panel_b, preset: wattnode, averaging_s: 2}
  - {id: feeder, point: bat2, phase_error_deg: 1}
ders:
  - {id: pv1, nameplate_w: 9000, point: panel_b}
  - {id: bat1, kind: battery, nameplate_w: 5000, charge_w: 4000, capacity_wh: 9000, soc_min_pct: 20}
  - {id: bat2, kind: battery, control: 704, nameplate_w: 3000, capacity_wh: 5000, wish_w: {constant: -1000}}
  - {id: hyb1, kind: hybrid, control: 704, nameplate_w: 6000, capacity_wh: 8000, preset: fronius_gen24}
  - {id: ev1, kind: evse, most_a: 16, point: panel_b, profile: amperfied/connect, in_site: {failsafe_charge_w: 4140}}
  - {id: gen1, kind: generator, nameplate_w: 4000, controlled: false, connection: L2N}
load:
  - {constant: 900, connection: L1N, power_factor: 0.9, point: panel_b}
limits:
  - {direction: export, value: 3000}
modes: {ess: import_only}
"""


def test_the_site_file_says_kinds_places_charge_and_signed_meters(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    said = YAML(typ="safe", pure=True).load(site_file(SimulatedSite(load_twin(path), tmp_path)))
    assert said["points"] == [
        {"id": "panel_b", "kind": "busbar", "rating_a": 63.0},
        {"id": "rest", "meter": ["poi", "-sub"]},
    ]
    assert [meter.get("point") for meter in said["meters"]] == ["poi", "panel_b", None]
    assert (said["meters"][1]["update_s"], said["meters"][1]["averaging_s"]) == (1.0, 2.0)
    by_id = {
        der["id"]: {key: der[key] for key in der if key not in ("link", "unit", "profile")} for der in said["ders"]
    }
    assert by_id == {
        "pv1": {"id": "pv1", "kind": "pv", "nameplate_w": 9000.0, "point": "panel_b"},
        "bat1": {
            "id": "bat1",
            "kind": "battery",
            "nameplate_w": 5000.0,
            "charge_w": 4000.0,
            "soc_min_pct": 20.0,
            "soc_max_pct": 100.0,
        },
        "bat2": {"id": "bat2", "kind": "battery", "nameplate_w": 3000.0, "charge_w": 3000.0},
        "hyb1": {"id": "hyb1", "kind": "hybrid", "nameplate_w": 6000.0, "charge_w": 6000.0},
        "ev1": {
            "id": "ev1",
            "kind": "evse",
            "nameplate_w": 11040.0,
            "point": "panel_b",
            "connection": "L123",
            "failsafe_charge_w": 4140,
        },
        "gen1": {
            "id": "gen1",
            "kind": "generator",
            "controlled": False,
            "nameplate_w": 4000.0,
            "connection": "L2N",
        },
    }
    assert said["modes"] == {"ess": "import_only"}


def test_every_mistake_about_kinds_and_places_is_told_with_its_line(tmp_path: Path) -> None:
    told = mistakes(
        tmp_path,
        """\
schema: hil.twin/1
site: {name: T, system: delta, nominal_v: 480}
points:
  - {id: a, parent: b, meter: [poi, -none]}
  - {id: b, parent: a}
  - {id: c, parent: nowhere}
  - {id: poi, kind: busbar}
meters:
  - {id: poi}
  - {id: m2, point: inv9}
ders:
  - {id: bat1, kind: battery, nameplate_w: 5000, demand_w: {constant: 1}}
  - {id: ev1, kind: evse, profile: solaredge/edpc}
  - {id: ev2, kind: evse, most_a: 16}
  - {id: pv1, soc_pct: 5, point: z}
  - {id: hyb1, kind: hybrid, nameplate_w: 1, capacity_wh: 1, sun: {constant: 1}, available_w: {constant: 1}}
  - {id: wind, kind: windmill, nameplate_w: 1}
  - {id: gen1, kind: generator, nameplate_w: 1, controlled: false, preset: quick}
faults:
  - {at_s: 1, on: gen1, fault: silent}
load:
  - {constant: 1, power_factor: 2}
""",
    )
    expected = [
        ("twin.yaml:4: points[0].meter", "no meter none"),
        ("twin.yaml:4: points[0].parent", "circle"),
        ("twin.yaml:5: points[1].parent", "circle"),
        ("twin.yaml:6: points[2].parent", "no point nowhere"),
        ("twin.yaml:7: points[3].kind", "no busbar"),
        ("twin.yaml:10: meters[1].point", "no point inv9"),
        ("twin.yaml:12: ders[0].capacity_wh", "is missing"),
        ("twin.yaml:12: ders[0].demand_w", "belongs to evse"),
        ("twin.yaml:13: ders[1].most_a", "is missing"),
        ("twin.yaml:13: ders[1].profile", "describes no evse"),
        ("twin.yaml:14: ders[2].profile", "a charger needs a profile"),
        ("twin.yaml:15: ders[3].nameplate_w", "is missing"),
        ("twin.yaml:15: ders[3].soc_pct", "belongs to battery, hybrid"),
        ("twin.yaml:15: ders[3].point", "no point z"),
        ("twin.yaml:16: ders[4].available_w", "not both"),
        ("twin.yaml:17: ders[5].kind", "'evse'"),
        ("twin.yaml:18: ders[6].preset", "'kostal_plenticore_5'"),
        ("twin.yaml:20: faults[0].fault", "served by nobody"),
        ("twin.yaml:22: load[0].power_factor", "less than or equal to 1"),
    ]
    for place, words in expected:
        assert any(line.startswith(place) and words in line for line in told), (place, words, told)
    assert len(told) == len(expected), told


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("connection: L2N", "connection: L2L2", "L2L2"),
        ("wye, nominal_v: 230", "delta, nominal_v: 400", "no neutral"),
        ("soc_min_pct: 20", "soc_min_pct: 60", "50 % lies outside"),
        ("power_factor: 0.9", "power_factor: 0", "no power factor"),
    ],
)
def test_what_does_not_fit_the_system_or_the_cells_is_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert words in "\n".join(mistakes(tmp_path, GOOD.replace(old, new)))


def test_a_preset_gives_what_the_file_does_not_say(tmp_path: Path) -> None:
    twin = load_twin(write(tmp_path, GOOD))
    hybrid, charger = twin.ders[3], twin.ders[4]
    assert (hybrid.dead_time_s, hybrid.time_constant_s) == (1.6, 4.07)
    assert (charger.dead_time_s, charger.start_s) == (1.0, 15.0), "a charger is never as quick as an inverter"


def test_presets_and_tables_name_keys_that_exist_and_every_preset_has_a_source() -> None:
    assert all(preset.source for preset in (*DER_PRESETS.values(), *METER_PRESETS.values()))
    assert {key for preset in DER_PRESETS.values() for key in preset.values} <= DerPart.model_fields.keys()
    assert {key for preset in METER_PRESETS.values() for key in preset.values} <= MeterPart.model_fields.keys()
    assert {key for keys in KEYS_OF.values() for key in keys} <= DerPart.model_fields.keys()
    assert set(USUAL_PRESET.values()) <= DER_PRESETS.keys()


def with_site(tmp_path: Path, work: Callable[[SimulatedSite], Awaitable[None]]) -> None:
    site = SimulatedSite(load_twin(write(tmp_path, GOOD)), tmp_path)

    async def whole() -> None:
        await site.start()
        await work(site)
        await site.stop()

    run_virtually(whole())


def written(site: SimulatedSite, name: str, address: int, *words: int) -> bytes:
    head = struct.pack(">BHHB", 16, address, len(words), 2 * len(words))
    answer: bytes = site.servers[name].answer(head + struct.pack(f">{len(words)}H", *words))
    return answer


def read(site: SimulatedSite, name: str, function: int, address: int) -> int:
    answer = site.servers[name].answer(struct.pack(">BHH", function, address, 1))
    return int.from_bytes(answer[2:], "big")


def shown(site: SimulatedSite, name: str) -> Image:
    """The registers of a SunSpec device at the present moment."""
    site.settle()
    device = site.servers[name].device
    assert isinstance(device, DerDevice)
    device.refresh(site.now_s())
    return device.image


def test_a_charger_is_served_by_its_register_map(tmp_path: Path) -> None:
    """Addresses of the Amperfied table: 261 the current, 262 the fail-safe current, 257 the watchdog in ms."""

    async def work(site: SimulatedSite) -> None:
        unit = site.plant.units["ev1"]
        assert isinstance(unit, Evse)
        assert (read(site, "ev1", 4, 100), read(site, "ev1", 3, 261)) == (16, 160)
        assert read(site, "ev1", 4, 14) == pytest.approx(11040, abs=1)
        assert written(site, "ev1", 262, 80)[0] == 16
        assert written(site, "ev1", 257, 15_000)[0] == 16
        assert written(site, "ev1", 261, 105)[0] == 16
        assert unit.order == CurrentOrder(enabled=True, limit_a=10.5, revert_s=15, revert_a=8)
        await asyncio.sleep(12)
        assert unit.injection_w == pytest.approx(-10 * 690, abs=5)
        assert read(site, "ev1", 4, 6) == pytest.approx(100, abs=1)
        assert written(site, "ev1", 261, 59) == bytes((0x90, 3)), "neither a pause nor 6 A"
        await asyncio.sleep(12)
        assert unit.injection_w == pytest.approx(-8 * 690, abs=5), "its watchdog ran out"
        assert read(site, "ev1", 3, 261) == 80
        assert written(site, "ev1", 261, 0)[0] == 16
        await asyncio.sleep(8)
        assert unit.injection_w == pytest.approx(0, abs=5)

    with_site(tmp_path, work)


def test_storage_of_the_100_series_takes_rates_and_says_its_state_of_charge(tmp_path: Path) -> None:
    async def work(site: SimulatedSite) -> None:
        image = shown(site, "bat1")
        mode, out = image.points[124, "StorCtl_Mod"].address, image.points[124, "OutWRte"].address
        assert written(site, "bat1", out, 2500, 0x10000 - 1000, 0, 60)[0] == 16
        assert not site.plant.units["bat1"].held(RateOrder).enabled, "no bit, no bound"
        assert written(site, "bat1", mode, 3)[0] == 16
        order = RateOrder(bounds_charge=True, bounds_discharge=True, charge_pct=-10, discharge_pct=25, revert_s=60)
        assert site.plant.units["bat1"].held(RateOrder) == order
        await asyncio.sleep(5)
        shown(site, "bat1")
        assert image.value(802, "SoC") == pytest.approx(50, abs=0.1)
        assert image.value(103, "W") == pytest.approx(400), "a negative charging rate forces discharge"
        assert (image.value(124, "WChaMax"), image.value(802, "WDisChaRteMax")) == (4000, 5000)
        await asyncio.sleep(60)
        shown(site, "bat1")
        assert image.raw(124, "StorCtl_Mod") == 0
        assert image.value(103, "W") == pytest.approx(0, abs=2)

    with_site(tmp_path, work)


def test_storage_of_the_700_series_tracks_a_set_point_with_a_timer_of_its_own(tmp_path: Path) -> None:
    async def work(site: SimulatedSite) -> None:
        image = shown(site, "bat2")
        point = image.points[704, "WSetEna"].address
        high, low = divmod(-2000 & 0xFFFFFFFF, 0x10000)
        words = (1, 1, high, low, 0, 0, 0, 0, 1, 0, 10)  # in watts; falls back to 0 W after 10 s
        assert written(site, "bat2", point, *words)[0] == 16
        order = SetOrder(enabled=True, setpoint_w=-2000, revert_s=10, revert_enabled=True, revert_setpoint_w=0)
        assert site.plant.units["bat2"].held(SetOrder) == order
        await asyncio.sleep(5)
        shown(site, "bat2")
        assert (image.value(701, "W"), image.raw(704, "WSetRvrtRem")) == (pytest.approx(-2000, abs=2), 5)
        assert image.raw(704, "WMaxLimPctRvrtRem") == 0
        assert image.value(713, "WHRtg") == 5000
        assert (image.value(702, "WChaRteMax"), image.value(702, "WDisChaRteMax")) == (3000, 3000)
        await asyncio.sleep(8)
        shown(site, "bat2")
        assert image.value(701, "W") == pytest.approx(0, abs=2)
        assert image.value(704, "WSet") == 0
        assert written(site, "bat2", image.points[704, "WSetMod"].address, 2) == bytes((0x90, 3))

    with_site(tmp_path, work)


def test_the_example_of_the_guide_is_a_twin_file(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "twin.md").read_text(encoding="utf-8")
    text = page.partition("```yaml\n")[2].partition("```")[0]
    site = SimulatedSite(load_twin(write(tmp_path, text)), tmp_path)
    assert {"poi", "sub"} == site.plant.meters.keys()
    assert all(f"`{kind}`" in page for kind in KEYS_OF)
