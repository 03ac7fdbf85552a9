"""Writes the site file (`pcs.site/1`) that matches a running twin, and its truth as CSV."""

import csv
from io import StringIO
from typing import Any, TextIO

from ruamel.yaml import YAML

from hil.rig.simulated import SimulatedSite


def site_file(site: SimulatedSite) -> str:
    """The text of the site file; ports are those that the servers really have."""
    twin = site.twin
    text = StringIO()
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 120
    yaml.dump(
        {
            "schema": "pcs.site/1",
            "site": {
                "name": twin.site.name,
                "timezone": twin.site.timezone,
                "system": twin.site.system,
                "nominal_v": twin.site.nominal_v,
            },
            "meters": [
                {"id": part.id, "profile": part.profile, **_address(site, part.id), "point": "poi"}
                | {"update_s": part.update_s, "averaging_s": part.averaging_s}
                for part in twin.meters
            ],
            "ders": [
                {"id": part.id, "kind": part.kind, "profile": part.profile, **_address(site, part.id)}
                | {"nameplate_w": part.nameplate_w}
                for part in twin.ders
            ],
            "limits": twin.limits,
            "journal": twin.journal,
        },
        text,
    )
    return text.getvalue()


def _address(site: SimulatedSite, name: str) -> dict[str, Any]:
    server = site.servers[name]
    return {"link": server.bus.link.for_site, "unit": server.unit}


class TruthWriter:
    """Appends rows of truth to a CSV file as they become final; the newest row waits, for it may still be corrected."""

    def __init__(self, site: SimulatedSite, file: TextIO):
        self._plant, self._file = site.plant, file
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow(site.columns)
        self._last_s = -1.0

    def write(self, *, final: bool = False) -> None:
        """Write what is new; with `final` the newest row too."""
        rows = []
        for row in reversed(self._plant.truth):
            if row[0] <= self._last_s:
                break
            rows.append(row)
        if not final:
            rows = rows[1:]
        for row in reversed(rows):
            self._writer.writerow((f"{row[0]:.6f}", *(f"{value:.3f}" for value in row[1:])))
        if rows:
            self._last_s = rows[0][0]
        self._file.flush()
