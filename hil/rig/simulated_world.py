"""The world of the simulated rig: one site, built fresh for each run, and the device under test in front of it.

Both time bases are the loop's own: on a virtual loop a run jumps from event to event, on a real one it takes its time.
What acts and looks is in `simulated_actors` and `simulated_gauge`.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hil.profile.model import Case
from hil.profile.rig_sheet import RigSheet
from hil.profile.words import Role
from hil.rig.device_under_test import DeviceUnderTest, make_device
from hil.rig.roles import RigError
from hil.rig.simulated import SimulatedSite
from hil.rig.simulated_config import Configuration
from hil.rig.simulated_gauge import PowerMeter
from hil.rig.simulated_twin import phase_v, seed_of, twin_for
from hil.rig.simulated_waveform import WaveformRecorder
from hil.rig.trail import Trail


class Bench:
    """One run: the site, the device under test, and what was set when. Times are those of the site."""

    def __init__(self, sheet: RigSheet, case: Case, repeat: int, folder: Path):
        """Build everything; nothing listens and nothing runs yet.

        Raises:
            RigError: the device cannot be made.
        """
        if sheet.device.run is None:
            raise RigError("device under test", "the rig's sheet does not say how it is started", "add `device: run:`")
        self.sheet = sheet
        self.site = SimulatedSite(twin_for(sheet, case, repeat))
        self.device: DeviceUnderTest = make_device(sheet.device.run, folder)
        self.configuration = Configuration(self.site, sheet)
        self.dark: set[str] = set()
        """What has no control power."""
        self.faults: dict[tuple[str, str], float] = {}
        """Faults that are made: kind and conductor -> amount."""
        plant = self.site.plant
        self.trails = {
            "limit.value": Trail(0.0),
            "fault.contact": Trail(0.0),
            "power.contact": Trail(1.0),
            "source.available_w": Trail(0.0),
            "poi.frequency_hz": Trail(plant.frequency_hz),
            "grid.voltage": Trail(1.0),
        }
        meter = sheet.roles.get(Role.POWER_METER)
        self.gauge: PowerMeter | None = None
        if meter is not None and meter.driver == "simulated":
            self.gauge = PowerMeter(
                meter,
                plant,
                trails=self.trails,
                settle=self.settle_s,
                scale_w=sheet.ratings["der_nameplate"].value,
                seed=seed_of(case, repeat),
            )
        recorder = sheet.roles.get(Role.WAVEFORM)
        self.recorder: WaveformRecorder | None = None
        if recorder is not None and recorder.driver == "simulated":
            self.recorder = WaveformRecorder(
                recorder,
                plant,
                settle=self.settle_s,
                scale_w=sheet.ratings["der_nameplate"].value,
                seed=seed_of(case, repeat),
            )

    def settle_s(self) -> float:
        """Bring the plant up to the present moment; returns when the site's time began, on the loop's clock."""
        self.site.settle()
        return asyncio.get_running_loop().time() - self.site.now_s()

    def reach_s(self) -> float:
        """Move the plant to exactly the present moment, for something to happen there; returns the site's time."""
        now_s = self.site.now_s()
        self.site.plant.advance(now_s)
        return now_s

    def note(self, name: str, value: float) -> None:
        """Something was set at this moment."""
        self.trails[name].set(self.site.now_s(), value)

    async def configure(self) -> None:
        """Write the device's configuration as it has become; if it differs and has power, restart it with that.

        Raises:
            RigError: the device refuses it.
        """
        content = self.configuration.content()
        if content is None:
            return
        try:
            await self.device.configure(content)
        except Exception as error:
            raise RigError("device under test", f"refuses its configuration: {error}", "see the rig's sheet") from error
        if self.has_power:
            await self.device.stop()
            await self.device.start()

    @property
    def has_power(self) -> bool:
        """Whether the controller has: it runs on the gateway, so it needs both."""
        return not self.dark & {"controller", "gateway"}


class SimulatedWorld:
    """A `World` with one bench at a time."""

    def __init__(self, sheet: RigSheet):
        self.sheet = sheet
        self._bench: Bench | None = None
        self._folder: Path | None = None
        self._said: dict[str, str] = {}

    @property
    def is_open(self) -> bool:
        """Whether there is a site."""
        return self._bench is not None

    @property
    def bench(self) -> Bench:
        """The bench of this run.

        Raises:
            RigError: no run is open.
        """
        if self._bench is None:
            raise RigError("simulated rig", "no run is open", "open a case first")
        return self._bench

    async def open(self, case: Case, repeat: int) -> None:
        """See `World.open`. The device has no configuration, and so does not run, before the case gives it one."""
        await self.close()
        self._folder = Path(tempfile.mkdtemp(prefix="hil-"))
        self._bench = Bench(self.sheet, case, repeat, self._folder)
        self._said = {
            "time": self.sheet.time,
            "seed": str(seed_of(case, repeat)),
            "volts": f"{phase_v(self.sheet):g}",
        }
        try:
            await self._bench.site.start()
        except OSError as error:
            self._bench = None
            raise RigError("simulated rig", f"cannot listen: {error.strerror}", "is a port taken?") from None

    async def close(self) -> None:
        """See `World.close`."""
        bench, self._bench = self._bench, None
        if bench is not None:
            self._said |= _identity(bench)
            bench.device.resume()
            await bench.device.kill()
            await bench.site.stop()
        if self._folder is not None:
            with suppress(OSError):
                shutil.rmtree(self._folder)
            self._folder = None

    def now_s(self) -> float:
        """See `World.now_s`."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds_s: float) -> None:
        """See `World.sleep`."""
        await asyncio.sleep(seconds_s)

    def identity(self) -> Mapping[str, str]:
        """See `World.identity`; after the run still what it was."""
        return self._said | (_identity(self._bench) if self._bench is not None else {})


def _identity(bench: Bench) -> dict[str, str]:
    said = {f"device.{key}": value for key, value in bench.device.identity().items()}
    ended = bench.device.ended()
    return said | ({"device.ended": ended} if ended else {})
