"""What the installer writes into the device under test: the site as it is, its limits and its mode (`pcs.site/1`)."""

from typing import Any

from hil.profile.rig_sheet import RigSheet
from hil.rig.simulated import SimulatedSite
from hil.rig.simulated_twin import POINTS
from hil.rig.site_file import site_content

WAYS = {
    "export_all": ("export",),
    "export_ess": ("export",),
    "import_ess": ("import",),
    "import_site": ("import",),
    "generation": ("export",),
    "busbar": ("import",),
    "conductor": ("import", "export"),
}
"""Which way a limit of that name holds. A busbar has no export: its infeeds add up to its load."""
_QUANTITY = {"W": "w", "VA": "va", "A": "a"}


class Configuration:
    """The present limits and mode; `content` is the whole file."""

    def __init__(self, site: SimulatedSite, sheet: RigSheet):
        self._site, self._sheet = site, sheet
        self.limits: dict[str, tuple[float, str]] = {}
        """Value and unit by the name of the limit."""
        self.mode = ""

    def content(self) -> dict[str, Any] | None:
        """The site file; None before anything is limited: no installer leaves a controller without an order."""
        if not self.limits and not self.mode:
            return None
        whole = site_content(self._site)
        whole["limits"] = []
        for name, (value, unit) in self.limits.items():
            if name in ("busbar", "conductor"):
                value, unit = value * self._rating_a(unit), "A"
                next(point for point in whole["points"] if point["id"] == POINTS[name])["rating_a"] = value
            whole["limits"] += [self._limit(name, value, unit, way) for way in WAYS[name]]
        if self._sheet.device.preset is not None:
            whole["preset"] = self._sheet.device.preset
        if self.mode:
            whole["modes"] = {"ess": self.mode}
        return whole

    def _limit(self, name: str, value: float, unit: str, way: str) -> dict[str, Any]:
        if unit == "pu":
            rating = "ess_nameplate" if name.endswith("_ess") else "der_nameplate"
            value, unit = value * self._sheet.ratings[rating].value, "W"
        return {
            "point": POINTS.get(name, "poi"),
            "direction": way,
            "quantity": _QUANTITY[unit],
            "value": value,
            "basis": "conductor" if unit == "A" else "total",
            "scope": "ess" if name.endswith("_ess") else "all",
        }

    def _rating_a(self, unit: str) -> float:
        """Amperes in one of the unit."""
        return (
            1.0 if unit == "A" else self._sheet.ratings["der_nameplate"].value / self._sheet.ratings["nominal_v"].value
        )
