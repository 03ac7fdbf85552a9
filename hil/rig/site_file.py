"""Writes the site file (`pcs.site/1`) that matches a running twin, and its truth as CSV."""

import csv
from io import StringIO
from typing import Any, TextIO

from ruamel.yaml import YAML

from hil.plant.battery import BatterySpec
from hil.plant.layout import POI
from hil.rig.simulated import SimulatedSite
from hil.rig.twin_file import DerPart, MeterPart


def site_file(site: SimulatedSite) -> str:
    """The text of the site file; ports are those that the servers really have."""
    text = StringIO()
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 120
    yaml.dump(site_content(site), text)
    return text.getvalue()


def site_content(site: SimulatedSite) -> dict[str, Any]:
    """What the site file says."""
    twin = site.twin
    whole: dict[str, Any] = {
        "schema": "pcs.site/1",
        "site": {
            "name": twin.site.name,
            "timezone": twin.site.timezone,
            "system": twin.site.system,
            "nominal_v": twin.site.nominal_v,
        },
        "meters": [_meter(site, part) for part in twin.meters],
        "ders": [_der(site, part) for part in twin.ders],
    }
    if twin.points:
        whole["points"] = [part.model_dump(exclude_none=True, exclude_defaults=True) for part in twin.points]
    whole["limits"] = twin.limits
    if twin.modes is not None:
        whole["modes"] = twin.modes
    return whole | {"journal": twin.journal}


def _meter(site: SimulatedSite, part: MeterPart) -> dict[str, Any]:
    """A meter; one on the feeder of a DER is part of sums only, and says no point."""
    on_feeder = any(part.point == der.id for der in site.twin.ders)
    where = {} if on_feeder else {"point": part.point}
    timing = {"update_s": part.update_s, "averaging_s": part.averaging_s}
    return {"id": part.id, "profile": part.profile, **_address(site, part.id), **where, **timing, **part.in_site}


def _der(site: SimulatedSite, part: DerPart) -> dict[str, Any]:
    """A DER, with what differs from the usual: where it is, what it can draw."""
    spec = site.plant.units[part.id].spec
    entry: dict[str, Any] = {"id": part.id, "kind": part.kind}
    entry |= {"profile": part.profile, **_address(site, part.id)} if part.controlled else {"controlled": False}
    entry["nameplate_w"] = round(spec.nameplate_w, 3)
    if isinstance(spec, BatterySpec):
        entry["charge_w"] = spec.charge_w
        if (spec.soc_min_pct, spec.soc_max_pct) != (0.0, 100.0):
            entry |= {"soc_min_pct": spec.soc_min_pct, "soc_max_pct": spec.soc_max_pct}
    three_phase = part.kind == "evse" and site.twin.system.phases == 3  # its watts per ampere depend on it
    if part.connection != "L123" or three_phase:
        entry["connection"] = part.connection
    if part.point != POI:
        entry["point"] = part.point
    return entry | part.in_site


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
