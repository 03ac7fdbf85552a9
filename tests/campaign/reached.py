"""Which rows of the fail-safe table a campaign reached: when (at start, running) and under which limit."""

from collections import Counter
from collections.abc import Iterable

from pcs.core.failsafe import TABLE
from pcs.model.event import EventKind
from tests.campaign.bench import Played
from tests.campaign.scenario import STARTS_S

PHASES, DIRECTIONS = ("start", "running"), ("export", "import")
Cell = tuple[str, str, str]
"""A row's name, the phase, the direction."""


def reached(played: Played) -> Counter[Cell]:
    """How often each row was raised in a run, by phase and by the directions of the site's limits."""
    found: Counter[Cell] = Counter()
    directions = {limit.direction.value for limit in played.site.limits}
    for life in played.lives:
        for event in life.events:
            if event.kind is not EventKind.FAULT_RAISED:
                continue
            phase = PHASES[event.at.mono_s - life.from_s >= STARTS_S]
            row = str(dict(event.facts)["fault"])
            found.update((row, phase, direction) for direction in directions)
    return found


def table(found: Counter[Cell]) -> Iterable[str]:
    """The table in lines, and the rows that were never reached by name."""
    columns = [(phase, direction) for phase in PHASES for direction in DIRECTIONS]
    yield f"{'condition':<20}" + "".join(f"{p + ' ' + d:>16}" for p, d in columns)
    for rule in TABLE:
        yield f"{rule.kind.name:<20}" + "".join(f"{found[rule.kind.name, p, d] or '-':>16}" for p, d in columns)
    never = [f"{rule.kind.name} ({p}, {d})" for rule in TABLE for p, d in columns if not found[rule.kind.name, p, d]]
    yield f"never reached: {', '.join(never) if never else 'none'}"
