"""The twin's register images, read by a third party: pysunspec2 (Apache-2.0), which knows nothing of this project."""

import json
from pathlib import Path
from typing import Any

import pytest
import sunspec2
from sunspec2.modbus.client import SunSpecModbusClientDevice

from hil.plant.inverter import Inverter, InverterSpec
from hil.plant.meter import Meter, MeterSpec, Through
from hil.plant.orders import LimitOrder
from hil.plant.system import System
from hil.plant.wiring import MeterMode
from hil.rig.devices import Device, Grid, MeterDevice
from hil.rig.sunspec_ders import Inverter123, Inverter704
from hil.rig.sunspec_tables import LAYOUTS

GRID = Grid(voltage_v=230, frequency_hz=50)
DEFINITIONS = Path(sunspec2.__file__).parent / "models" / "json"


class Reader(SunSpecModbusClientDevice):  # type: ignore[misc]
    """pysunspec2 without a wire: reads go straight to an image."""

    def __init__(self, device: Device):
        super().__init__()
        self._image = device.image

    def read(self, addr: int, count: int) -> bytes:
        data = self._image.read(addr, count)
        if data is None:
            raise ConnectionError("no such registers")
        return data


def scan(device: Device) -> dict[int, Any]:
    device.refresh(0.0)
    reader = Reader(device)
    reader.scan(connect=False)
    assert reader.base_addr == device.image.base
    return {model: instances[0] for model, instances in reader.models.items() if isinstance(model, int)}


SYSTEMS = {1: "single", 2: "split", 3: "wye", 4: "delta"}


def meter_device(model: int, phase_import_w: tuple[float, ...], base: int = 40000) -> MeterDevice:
    name = SYSTEMS[model % 10]
    system = System(name=name, nominal_v=230 * 3**0.5 if name == "delta" else 230, nominal_hz=50)
    through = []
    for k in range(system.phases):
        alone = tuple(1.0 if k == i else 0.0 for i in range(system.phases))
        through.append(Through(group=k, p_part=alone, q_part=tuple(0.5 * part for part in alone)))
    meter = Meter(MeterSpec(id="poi", noise_v=0), seed=1, system=system, through=through, group_w=phase_import_w)
    return MeterDevice(meter, model=model, base=base, unit=1, largest_w=15000)


def inverter(system: str = "wye", rated_w: float = 10000, sun_w: float = 6000) -> Inverter:
    connection = System(name=system).connect("L123")
    return Inverter(InverterSpec(id="inv1", nameplate_w=rated_w, connection=connection), seed=1, available_w=sun_w)


def flat(group: dict[str, Any], prefix: str = "") -> list[tuple[str, str, str]]:
    points = [
        (
            prefix + point["name"],
            point["type"] + (str(point["size"]) if point["type"] == "string" else ""),
            point["sf"] if isinstance(point.get("sf"), str) else "",
        )
        for point in group.get("points", [])
    ]
    for inner in group.get("groups", []):
        points += flat(inner, prefix + inner["name"] + ".")
    return points


@pytest.mark.parametrize("model", sorted(LAYOUTS))
def test_the_layout_of_a_model_is_that_of_its_definition(model: int) -> None:
    definition = flat(json.loads((DEFINITIONS / f"model_{model}.json").read_text())["group"])
    ours = [(*word.split(":"), "")[:3] for word in LAYOUTS[model].split()]
    assert [point[1:] for point in ours] == [point[1:] for point in definition]
    if model not in (201, 202):  # the same layout, but line-to-line voltages go by PPVphAB instead of PhVphAB
        assert [point[0] for point in ours] == [point[0] for point in definition]


@pytest.mark.parametrize("base", [40000, 50000, 0])
@pytest.mark.parametrize("model", [201, 202, 203, 204, 211, 212, 213, 214])
def test_a_meter_reads_as_what_it_measured(model: int, base: int) -> None:
    phases = {1: (-1500.0,), 2: (700.0, -2200.0)}.get(model % 10, (100.0, -2000.0, 400.0))
    models = scan(meter_device(model, phases, base))
    assert list(models) == [1, model]
    meter = models[model]
    assert meter.W.cvalue == pytest.approx(sum(phases))
    for c, expected_w in zip("ABC", (*phases, None, None), strict=False):
        assert getattr(meter, f"Wph{c}").cvalue == (pytest.approx(expected_w) if expected_w is not None else None)
    assert meter.PhVphA.cvalue == pytest.approx(230, abs=0.01)
    assert meter.VAR.cvalue == pytest.approx(sum(phases) / 2)
    assert meter.VARphA.cvalue == pytest.approx(phases[0] / 2)
    assert meter.VAphA.cvalue == pytest.approx(abs(phases[0]) * 1.25**0.5, abs=1)
    assert meter.AphA.cvalue == pytest.approx(abs(phases[0]) * 1.25**0.5 / 230, abs=0.06)
    assert meter.Hz.cvalue == pytest.approx(50, abs=0.1)
    between = {1: None, 2: 460, 3: 398.4, 4: 398.4}[model % 10]
    assert meter.PPV.cvalue == (None if between is None else pytest.approx(between, abs=0.1))
    assert (models[1].Mn.cvalue, models[1].SN.cvalue) == ("openpcs twin", "poi")


@pytest.mark.parametrize("model", [203, 213])
def test_a_meter_without_numbers_reads_as_not_implemented(model: int) -> None:
    device = meter_device(model, (100.0, 100.0, 100.0))
    device.meter.mode = MeterMode.NAN
    device.meter.fire(0.1)
    assert scan(device)[model].W.cvalue is None


@pytest.mark.parametrize(
    ("system", "measurement"),
    [("single", 101), ("split", 102), ("wye", 103), ("delta", 113)],
)
def test_an_inverter_of_the_100_series_reads_as_it_is(system: str, measurement: int) -> None:
    unit = inverter(system)
    device = Inverter123(unit, measurement=measurement, base=40000, address=1, limit_sf=-2, grid=GRID)
    models = scan(device)
    assert list(models) == [1, measurement, 120, 121, 122, 123]
    assert models[measurement].W.cvalue == pytest.approx(6000)
    assert models[measurement].St.cvalue == 4
    assert models[120].WRtg.cvalue == models[121].WMax.cvalue == 10000
    assert (models[123].WMaxLim_Ena.cvalue, models[123].WMaxLimPct.cvalue) == (0, 100)
    assert models[123].OutPFSet.cvalue is None
    assert models[120].WHRtg.cvalue is None


def test_an_inverter_of_the_700_series_reads_as_it_is() -> None:
    unit = inverter(rated_w=48000, sun_w=30000)
    device = Inverter704(unit, base=40000, address=1, limit_sf=-1, grid=GRID)
    models = scan(device)
    assert list(models) == [1, 701, 702, 704]
    assert models[701].W.cvalue == pytest.approx(30000)
    assert models[701].WL2.cvalue == pytest.approx(10000)
    assert models[702].WMaxRtg.cvalue == models[702].WMax.cvalue == 48000
    assert (models[704].WMaxLimPctEna.cvalue, models[704].WMaxLimPctRvrtRem.cvalue) == (0, 0)
    assert models[704].WSet.cvalue is None


def address(device: Device, model: int, name: str) -> int:
    return device.image.points[model, name].address


def test_a_limit_written_in_one_frame_is_the_limit_that_the_inverter_has() -> None:
    unit = inverter()
    device = Inverter704(unit, base=40000, address=1, limit_sf=-2, grid=GRID)
    assert device.write(5.0, 16, address(device, 704, "WMaxLimPctEna"), (1, 4250, 1000, 1, 0, 30)) == 0
    assert unit.order == LimitOrder(
        enabled=True, limit_pct=42.5, revert_s=30, revert_enabled=True, revert_limit_pct=10.0
    )
    device.refresh(12.3)
    assert device.image.raw(704, "WMaxLimPctRvrtRem") == 23


def test_the_123_frame_may_span_points_that_the_device_lacks_and_these_stay_unimplemented() -> None:
    unit = inverter()
    device = Inverter123(unit, measurement=103, base=40000, address=1, limit_sf=-1, grid=GRID)
    assert device.write(0.0, 16, address(device, 123, "WMaxLimPct"), (305, 1, 60, 2, 1)) == 0
    assert unit.order == LimitOrder(enabled=True, limit_pct=30.5, revert_s=60)
    device.refresh(0.0)
    assert device.image.raw(123, "WMaxLimPct_RmpTms") == 0xFFFF
    assert device.image.raw(123, "WMaxLimPct_RvrtTms") == 60


@pytest.mark.parametrize(
    ("model", "name", "words", "code"),
    [
        (123, "WMaxLimPct", (10001,), 3),  # more than 100 %
        (123, "WMaxLim_Ena", (2,), 3),
        (123, "OutPFSet", (1,), 2),
        (120, "WRtg", (1,), 2),
        (103, "W", (1,), 2),
        (123, "WMaxLimPct_SF", (1,), 2),
    ],
)
def test_a_write_that_is_not_allowed_is_refused_whole(model: int, name: str, words: tuple[int, ...], code: int) -> None:
    unit = inverter()
    device = Inverter123(unit, measurement=103, base=40000, address=1, limit_sf=-2, grid=GRID)
    assert device.write(0.0, 16, address(device, model, name), words) == code
    assert unit.order == LimitOrder()


def test_counters_that_are_not_there_are_zero_and_other_points_have_the_value_of_their_type() -> None:
    image = meter_device(203, (0.0, 0.0, 0.0)).image
    assert (image.raw(203, "TotVAhExp"), image.raw(203, "WphA"), image.raw(203, "TotVAh_SF")) == (0, -0x8000, -0x8000)
    inverter_image = Inverter704(inverter(), base=40000, address=1, limit_sf=-2, grid=GRID).image
    assert (inverter_image.raw(702, "AMaxRtg"), inverter_image.raw(702, "CtrlModes")) == (0xFFFF, 0xFFFFFFFF)
    assert inverter_image.raw(704, "WSet") == -0x80000000
    assert inverter_image.raw(701, "TotWhAbs") == 0xFFFFFFFFFFFFFFFF


def test_a_restart_shows_in_the_registers() -> None:
    unit = inverter()
    device = Inverter704(unit, base=40000, address=1, limit_sf=-2, grid=GRID)
    device.write(0.0, 16, address(device, 704, "WMaxLimPctEna"), (1, 4250, 1000, 1, 0, 30))
    unit.restart(1.0)
    models = scan(device)
    assert (models[704].WMaxLimPctEna.cvalue, models[704].WMaxLimPct.cvalue) == (0, 100)
    assert (models[704].WMaxLimPctRvrtTms.cvalue, models[704].WMaxLimPctRvrtRem.cvalue) == (0, 0)
