"""The simulated site on the wire: a plant, a Modbus server per device, faults on time. Runs on any asyncio loop.

The plant is advanced lazily, on requests and once per `TICK_S`; its clock is `loop.time()` since `start`. On a
virtual-time loop the whole of it costs next to nothing while nothing happens.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

from hil.plant.meter import Meter
from hil.plant.plant import Plant
from hil.plant.units import AnyUnit
from hil.plant.wiring import MeterMode
from hil.rig.bus import Bus, make_bus
from hil.rig.devices import Device
from hil.rig.link_fault import RTU_ONLY, TCP_ONLY, LinkFault
from hil.rig.modbus_server import DeviceServer
from hil.rig.twin_build import build_plant, der_device, largest_flow_w, meter_device
from hil.rig.twin_file import LINK_FAULTS, METER_FAULTS, DerPart, FaultPart, MeterPart, TwinFile

logger = logging.getLogger(__name__)

TICK_S = 1.0  # truth reaches its listener and the plant catches up at least this often


class SimulatedSite:
    """A site to be controlled. `truth` is what really happened; `servers` by device id say where each one answers."""

    def __init__(self, twin: TwinFile, folder: Path | None = None):
        """Build the plant; nothing listens yet.

        Args:
            twin: what to simulate.
            folder: what record files are relative to; the current folder by default.

        Raises:
            BadRecordError: a record file cannot be used.
            BadProfileError: a device's profile cannot be served.
        """
        self.twin = twin
        self._folder = folder or Path()
        self.plant: Plant = build_plant(twin, self._folder)
        self.servers: dict[str, DeviceServer] = {}
        self.buses: dict[str, Bus] = {}
        self.on_tick: Callable[[], None] | None = None
        """Called after each catching up, at least every `TICK_S`: the place to write truth out."""
        self._zero_s = 0.0
        self._timers: list[asyncio.TimerHandle] = []
        self._tick_timer: asyncio.TimerHandle | None = None
        self._plugging: set[asyncio.Task[None]] = set()
        largest_w = largest_flow_w(self.plant)
        for meter in twin.meters:
            device = meter_device(meter, twin, self.plant.meters[meter.id], largest_w, self._folder)
            self.servers[meter.id] = self._serve(device, meter)
        for der in twin.ders:
            if der.controlled:
                unit = der_device(der, twin, self.plant.units[der.id], self._folder)
                self.servers[der.id] = self._serve(unit, der)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the values in a row of `truth`."""
        return self.plant.columns

    @property
    def truth(self) -> list[tuple[float, ...]]:
        """Every row so far, up to the present moment."""
        self.settle()
        return list(self.plant.truth)

    def now_s(self) -> float:
        """Seconds since `start`, by the loop's clock."""
        return asyncio.get_running_loop().time() - self._zero_s

    def settle(self) -> None:
        """Bring the plant up to the present moment."""
        self.plant.settle(self.now_s())

    async def start(self) -> None:
        """Listen on every link, then let time begin.

        Raises:
            OSError: a port is taken or a symlink cannot be made; nothing is left listening.
        """
        loop = asyncio.get_running_loop()
        try:
            for bus in self.buses.values():
                await bus.up()
        except OSError:
            self._down()
            raise
        self._zero_s = loop.time()
        self._timers = [
            loop.call_at(self._zero_s + fault.at_s, partial(self.inject, fault)) for fault in self.twin.faults
        ]
        self._tick()

    async def stop(self) -> None:
        """Stop listening and stop the clock; `truth` stays."""
        for timer in self._timers:
            timer.cancel()
        if self._tick_timer is not None:
            self._tick_timer.cancel()
        if self._plugging:
            await asyncio.wait(self._plugging)
        self.settle()
        self._down()
        if self.on_tick is not None:
            self.on_tick()
        await asyncio.sleep(0)  # transports that were cut tell their protocols on the loop's next turn

    def set_grid(self, *, voltage_factor: float | None = None, frequency_hz: float | None = None) -> None:
        """From now on the grid has another voltage (per unit of nominal) or frequency.

        Raises:
            ValueError: no grid is like that.
        """
        self.plant.set_grid(self.now_s(), voltage_factor=voltage_factor, frequency_hz=frequency_hz)

    def inject(self, fault: FaultPart) -> None:
        """Let a device fail from now on (`at_s` is not looked at). `clear` ends every fault of the device.

        Raises:
            KeyError: there is no such device.
            ValueError: this kind of device cannot fail in this way.
        """
        self.settle()
        now_s, server = self.now_s(), self.servers[fault.on]
        logger.info("fault.injected on=%s fault=%s", fault.on, fault.fault)
        if fault.fault == "down":
            server.down()
        elif fault.fault == "up":
            self._plug(server)
        elif fault.fault in LINK_FAULTS:
            kind = LinkFault(fault.fault)
            if kind in (TCP_ONLY if server.bus.link.is_rtu else RTU_ONLY):
                raise ValueError(f"{server.bus.link} cannot fail with {fault.fault}")
            server.set_fault(kind, fault.seconds)
        elif fault.fault == "clear":
            server.set_fault(LinkFault.OK)
            self._plug(server)
            self._clear(fault.on, now_s)
        elif fault.on in self.plant.meters:
            self._fail_meter(self.plant.meters[fault.on], fault, now_s)
        else:
            self._fail_unit(self.plant.units[fault.on], fault, now_s)

    def _serve(self, device: Device, part: MeterPart | DerPart) -> DeviceServer:
        link = part.where.in_folder(self._folder)
        bus = self.buses.setdefault(link.address if link.shared else part.id, make_bus(link))
        return DeviceServer(
            device,
            bus,
            name=part.id,
            unit=part.unit,
            now_s=self.now_s,
            settle=self.plant.settle,
            reply_s=part.reply_s,
            reply_jitter_s=part.reply_jitter_s,
            seed=self.twin.seed,
        )

    def _clear(self, name: str, now_s: float) -> None:
        if name in self.plant.meters:
            self.plant.meters[name].restore(now_s)
        else:
            unit = self.plant.units[name]
            unit.telemetry_frozen = False
            if not unit.obeys:
                unit.obey(now_s, True)

    @staticmethod
    def _fail_meter(meter: Meter, fault: FaultPart, now_s: float) -> None:
        match fault.fault:
            case "ratio":
                meter.ratio_error_pct = meter.spec.ratio_error_pct if fault.ends else fault.percent
            case "averaging":
                meter.averaging_s = meter.spec.averaging_s if fault.ends else fault.seconds
            case "update":
                meter.renew_every(now_s, meter.spec.update_s if fault.ends else fault.seconds)
            case name if name in METER_FAULTS:
                (meter.mend if fault.ends else meter.fail)(MeterMode(name))
            case name:
                raise ValueError(f"{meter.spec.id} cannot fail with {name}")

    @staticmethod
    def _fail_unit(unit: AnyUnit, fault: FaultPart, now_s: float) -> None:
        match fault.fault:
            case "disobey":
                unit.obey(now_s, False)
            case "obey":
                unit.obey(now_s, True)
            case "restart":
                unit.restart(now_s, fault.seconds)
            case "freeze_telemetry" | "thaw_telemetry":
                unit.telemetry_frozen = fault.fault == "freeze_telemetry"
            case _:
                raise ValueError(f"{unit.spec.id} cannot fail with {fault.fault}")

    def _plug(self, server: DeviceServer) -> None:
        task = asyncio.get_running_loop().create_task(self._up(server))
        self._plugging.add(task)
        task.add_done_callback(self._plugging.discard)

    @staticmethod
    async def _up(server: DeviceServer) -> None:
        try:
            await server.up()
        except OSError as error:
            logger.error("link.lost device=%s link=%s error=%s", server.name, server.bus.link, error.strerror)

    def _down(self) -> None:
        for bus in self.buses.values():
            bus.down()

    def _tick(self) -> None:
        self.settle()
        if self.on_tick is not None:
            self.on_tick()
        self._tick_timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)
