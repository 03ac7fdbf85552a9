"""What the installer writes into the device under test: the site as it is, its limits and its mode (`pcs.site/1`)."""

from typing import Any

from hil.profile.rig_sheet import RigSheet
from hil.rig.simulated import SimulatedSite
from hil.rig.simulated_twin import POINTS
from hil.rig.site_file import site_content

ALL = ("export_all", "export_ess", "import_ess", "import_site")
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
        whole["limits"] = [
            self._limit(name, *given) for name, given in self.limits.items() if name in (*ALL, "generation")
        ]
        for name in self.limits.keys() & {"busbar", "conductor"}:
            value, unit = self.limits[name]
            point = next(point for point in whole["points"] if point["id"] == POINTS[name])
            point["rating_a"] = value * self._rating_a(unit)
        if self.mode:
            whole["modes"] = {"ess": self.mode}
        return whole

    def _limit(self, name: str, value: float, unit: str) -> dict[str, Any]:
        if unit == "pu":
            rating = "ess_nameplate" if name.endswith("_ess") else "der_nameplate"
            value, unit = value * self._sheet.ratings[rating].value, "W"
        return {
            "point": POINTS.get(name, "poi"),
            "direction": "import" if name.startswith("import") else "export",
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
