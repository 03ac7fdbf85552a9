"""From a twin file to a plant and its device images."""

from math import inf
from pathlib import Path

from hil.plant.inverter import Inverter, InverterSpec
from hil.plant.meter import Meter, MeterSpec
from hil.plant.plant import Der, Load, Plant, PlantSpec, shares
from hil.plant.source import Source
from hil.rig.devices import Device, Grid, Inverter123, Inverter704, MeterDevice
from hil.rig.records import read_record
from hil.rig.register_devices import RegisterInverter, RegisterMeter
from hil.rig.register_profile import load_profile
from hil.rig.twin_file import SUNSPEC_INVERTER, SUNSPEC_METER, DerPart, MeterPart, SourcePart, TwinFile

_METER_MODEL = {"single": 201, "split": 202, "wye": 203, "delta": 204}


def build_plant(twin: TwinFile, folder: Path) -> Plant:
    """The plant that a twin file describes; record files are relative to `folder`.

    Raises:
        BadRecordError: a record file cannot be used.
    """
    return Plant(
        PlantSpec(
            phases=twin.phases,
            seed=twin.seed,
            step_s=twin.step_s,
            loads=tuple(
                Load(demand_w=_source(part, folder), phase_share=shares(part.connection, twin.phases))
                for part in twin.load
            ),
            ders=tuple(_der(part, twin, folder) for part in twin.ders),
            meters=tuple(_meter(part, twin) for part in twin.meters),
        )
    )


def largest_flow_w(twin: TwinFile, plant: Plant) -> float:
    """The largest flow that a meter of this site has to show: it fixes the scale factor of its powers."""
    generation_w = sum(part.nameplate_w for part in twin.ders)
    return max(generation_w, sum(load.demand_w.peak for load in plant.spec.loads))


def meter_device(part: MeterPart, twin: TwinFile, meter: Meter, largest_w: float, folder: Path) -> Device:
    """The registers of a meter.

    Raises:
        BadProfileError: its profile cannot be served.
    """
    if part.profile != SUNSPEC_METER:
        return RegisterMeter(meter, load_profile(part.profile, folder), largest_w=largest_w)
    model = _METER_MODEL[twin.site.system] + (10 if part.registers == "float" else 0)
    return MeterDevice(meter, model=model, base=part.base, unit=part.unit, largest_w=largest_w)


def inverter_device(part: DerPart, twin: TwinFile, inverter: Inverter, folder: Path) -> Device:
    """The registers of an inverter.

    Raises:
        BadProfileError: its profile cannot be served.
    """
    grid = Grid(voltage_v=twin.site.nominal_v, frequency_hz=twin.site.nominal_hz)
    if part.profile != SUNSPEC_INVERTER:
        return RegisterInverter(inverter, load_profile(part.profile, folder), variant=part.variant, grid=grid)
    if part.control == 704:
        return Inverter704(inverter, base=part.base, unit=part.unit, limit_sf=part.limit_sf, grid=grid)
    connected = sum(share > 0.0 for share in inverter.spec.phase_share)
    model = 100 + connected + (10 if part.registers == "float" else 0)
    return Inverter123(inverter, measurement=model, base=part.base, unit=part.unit, limit_sf=part.limit_sf, grid=grid)


def _der(part: DerPart, twin: TwinFile, folder: Path) -> Der:
    inverter = InverterSpec(
        id=part.id,
        nameplate_w=part.nameplate_w,
        dead_time_s=part.dead_time_s,
        dead_jitter_s=part.dead_jitter_s,
        time_constant_s=part.time_constant_s,
        ramp_up_pct_s=part.ramp_up_pct_s or inf,
        ramp_down_pct_s=part.ramp_down_pct_s or inf,
        limit_step_pct=part.limit_step_pct,
        gain_error_pct=part.gain_error_pct,
        telemetry_s=part.telemetry_s,
        telemetry_phase_s=part.telemetry_phase_s,
        telemetry_latency_s=part.telemetry_latency_s,
        telemetry_gain=part.telemetry_gain,
        phase_share=shares(part.connection, twin.phases),
    )
    if part.available_w is not None:
        return Der(inverter=inverter, available_w=_source(part.available_w, folder))
    return Der(inverter=inverter, available_w=_source(part.sun or twin.sun, folder, part.nameplate_w))


def _meter(part: MeterPart, twin: TwinFile) -> MeterSpec:
    return MeterSpec(
        id=part.id,
        update_s=part.update_s,
        averaging_s=part.averaging_s,
        phase_s=part.phase_s,
        latency_s=part.latency_s,
        noise_w=part.noise_w,
        noise_v=part.noise_v,
        creep_w=part.creep_w,
        resolution_w=part.resolution_w,
        ratio_error_pct=part.ratio_error_pct,
        nominal_v=twin.site.nominal_v,
        nominal_hz=twin.site.nominal_hz,
    )


def _source(part: SourcePart, folder: Path, scale: float = 1.0) -> Source:
    """A source in watts; `scale` is what one of the file's units is worth (nameplate for sun in per unit)."""
    if part.record is not None:
        record = part.record
        times_s, values = read_record(folder / record.file, record.column, record.time_column, record.period_s)
        return Source.record(
            times_s,
            values,
            start_s=record.start_s,
            scale=record.scale * scale,
            offset=record.offset * scale,
            linear=record.interpolate == "linear",
            loop=record.loop,
        )
    pairs = part.steps or part.ramps
    if pairs:
        return Source([t for t, _ in pairs], [v * scale for _, v in pairs], linear=part.ramps is not None)
    return Source.constant((part.constant or 0.0) * scale)
