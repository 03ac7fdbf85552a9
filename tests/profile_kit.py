"""A small profile, rig and overlay for tests, and what their readers say about them."""

from pathlib import Path

from hil.profile.load import load_profile
from hil.profile.mistake import BadFileError
from hil.profile.model import Profile
from hil.profile.overlay import load_overlay
from hil.profile.rig_sheet import RigSheet, load_rig

PROFILE = """\
schema: hil.profile/1
id: lab/step
version: 1
title: A step of the load
about: The load is switched off.
basis:
  - {doc: A standard, ref: CRD-OLRT-2, says: OLRT at most 30 s}
public: The 30 s.
requires:
  roles: {AcLoad: {step_within: edge}}
parameters:
  nameplate: {value: 8 kW, rating: true, provenance: project default, source: a residential inverter}
  within: {value: 30 s, provenance: public, source: the toolkit}
  edge: {value: 100 ms, provenance: project default, source: a tenth of the response}
  time: {value: 2 * within, provenance: project default, source: twice the limit}
matrix:
  level: {values: [100 %, 50 %], provenance: project default, source: full and half}
  load: {values: [50 %, 0 %], provenance: project default, source: half and off}
where:
  - load < level
repeats: repeats
prepare:
  - {do: set_limit, limit: export_all, to: 0 W}
  - {do: set_load, to: level * nameplate}
  - {do: wait, duration: time}
record: {channels: [poi.import_w, load.demand_w], pre: time, post: time}
stimulus:
  channel: load.demand_w
  steps:
    - {do: set_load, to: load * nameplate}
response: {kind: reference_point, channel: poi.import_w, side: below, limit: 0 W}
measure: [olrt_judged_s]
criteria:
  - {id: olrt, measure: olrt_judged_s, op: "<=", limit: within, basis: CRD-OLRT-2}
cleanup:
  - {do: safe}
""".replace("matrix:\n", "  repeats: {value: 3 times, provenance: project default, source: a choice}\nmatrix:\n")

RIG = """\
schema: hil.rig/1
id: bench
title: A bench
system: split
device: {maker: Somebody, model: Something, ratings: {nameplate: 10 kW}}
roles:
  AcLoad: {driver: human, range: {least: 0 W, most: 12 kW}, step: 20 ms}
  PowerMeter:
    driver: simulated
    channels: [poi.import_w, load.demand_w]
    update: 100 ms
    group_delay: 0 s
    uncertainty: 0.5 %
  DutLink: {driver: human, limits: [export_all]}
"""


def written(folder: Path, name: str, text: str) -> Path:
    """A file with that text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def changed(text: str, *changes: tuple[str, str]) -> str:
    """A text with some of it replaced; what is to be replaced must be there."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def profile(folder: Path, *changes: tuple[str, str], overlay: str = "", ratings: RigSheet | None = None) -> Profile:
    """The small profile, changed and read."""
    overlays = [load_overlay(written(folder, "lab.yaml", overlay))] if overlay else []
    path = written(folder, "step.yaml", changed(PROFILE, *changes))
    rated = ratings.ratings if ratings else None
    return load_profile(path, name="step.yaml", ratings=rated, rated_by="rig.yaml", overlays=overlays)


def mistakes(folder: Path, *changes: tuple[str, str], overlay: str = "") -> list[str]:
    """What is wrong with the small profile after changes, one line each."""
    try:
        profile(folder, *changes, overlay=overlay)
    except BadFileError as error:
        return [str(mistake).replace(f"{folder}/", "") for mistake in error.mistakes]
    return []


def rig(folder: Path, *changes: tuple[str, str]) -> RigSheet:
    """The small rig, changed and read."""
    return load_rig(written(folder, "rig.yaml", changed(RIG, *changes)))
