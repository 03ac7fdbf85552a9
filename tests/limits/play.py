"""Plays a scene on virtual time, and asks `pcs check` about its site before anything is connected."""

import json
import tempfile
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from hil.cli.demo_site import DATA
from hil.rig.site_file import site_file
from pcs.cli import check
from pcs.model.event import EventKind
from tests.limits.figures import Figures, figures
from tests.limits.scenes import FROM_S, Scene
from tests.simulation.stack import Stack, play
from tests.simulation.truth import Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A scene that was played: its site file, the truth, what every DER was told, what the controller measured."""

    scene: Scene
    site_text: str
    truth: Truth
    figures: Figures
    told_w: dict[str, list[tuple[float, float]]]
    measured: dict[str, tuple[float, float, float]]
    """By way, the slowest response that the controller measured itself: OLRT, its least and its most (s)."""
    most_commands: int
    """To one DER within a second, after the start."""
    verified_s: float | None
    """When the wiring of the first meter was verified: until then releases are slower."""


def played(scene: Scene) -> Played:
    """Play one scene through the whole stack."""
    texts: list[str] = []

    async def story(stack: Stack) -> None:
        texts.append(site_file(stack.site))
        stack.start()
        await stack.until(scene.until_s)

    stack = play(story, scene.site, folder=DATA)
    told_w: dict[str, list[tuple[float, float]]] = {}
    for at_s, command in stack.commands:
        told_w.setdefault(command.der_id, []).append((at_s, command.limit_w))
    return Played(
        scene=scene,
        site_text=texts[0],
        truth=stack.truth,
        figures=figures(scene, stack.truth),
        told_w=told_w,
        measured=_measured(stack),
        most_commands=max((_most_in_a_second([t for t, _ in told]) for told in told_w.values()), default=0),
        verified_s=next((e.at.mono_s for e in stack.told(EventKind.WIRING_VERIFIED)), None),
    )


def _most_in_a_second(times_s: list[float]) -> int:
    """The largest number of these instants that lie within one second, after the start."""
    later = [t for t in times_s if t >= FROM_S]
    return max((bisect_left(later, t + 1.0) - k for k, t in enumerate(later)), default=0)


def _measured(stack: Stack) -> dict[str, tuple[float, float, float]]:
    """The slowest response of each way that the controller measured itself."""
    slowest: dict[str, tuple[float, float, float]] = {}
    for event in stack.told(EventKind.RESPONSE_MEASURED):
        facts = dict(event.facts)
        own_s = (float(facts["olrt_s"]), float(facts["olrt_lo_s"]), float(facts["olrt_hi_s"]))
        way = str(facts["way"])
        slowest[way] = max(slowest.get(way, own_s), own_s)
    return slowest


def predicted(site_text: str) -> dict[str, Any]:
    """What `pcs check --json` says of the first limit of a site file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "site.yaml"
        path.write_text(site_text, encoding="utf-8")
        outcome = CliRunner().invoke(check.command, [str(path), "--json"])
    assert outcome.exit_code == 0, outcome.output
    found: dict[str, Any] = json.loads(outcome.output)["limits"][0]["predicted"]
    return found
