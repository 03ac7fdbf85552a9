"""The matrix as data: what goes wrong, how it is made, how soon that is found by design, and on which site.

In each cell the load moves the flow beyond the limit in the very moment in which something fails (it has failed before,
where the cell is `start`). Nobody who is blind can know, so only the safe set helps.
"""

from dataclasses import dataclass
from typing import Any

from hil.rig.twin_file import TwinFile
from tests.simulation.bounds import ON_THE_WAY_S, ROW_S, SEEING_S, slowest_fall_s

FAILS_S = 20.0
"""When it fails in operation, and when the load moves: by then the wiring is verified, on a busy machine too."""
LASTS_S, LASTS_LONG_S = 12.0, 36.0
"""How long something is wrong: longer than the reversion of 704 (10 s); longer than `CORRECT_WITHIN_S` where only that
is promised."""
RETURNS_S = 24.0
"""How much longer a cell is watched: three new measurements, then a release at 20 %/s, or 3 %/s where unverified."""
WARY_S = 60.0
"""A battery that was found resting at a set point is let go after 20 s, to see what it wants, then the next one
(docs/decisions/0013)."""
QUICK_S = (12.0, 12.0, 14.0)
"""When it fails, how long it lasts, and how much longer it is watched, for a look within a minute."""
CORRECT_WITHIN_S = 30.0
"""CRD-OLRT-2: what a limit is to be corrected within where no earlier detection is declared."""
REVERSION_S = 10.0
"""What the profile arms on 704 (firmware_config/sunspec/inverter.yaml)."""
PERIOD_S = 0.1
ZEROS_S = 1.0 + 3 * PERIOD_S
"""Exact zeros for 1 s are an open CT (pcs/core/measure.py, circuit.py), seen with the meter's own updates."""
SILENCE_S = 2.0 + 2 * PERIOD_S
"""Safe at max(2 s, three periods) after the last measurement (docs/fail-safe.md)."""
TOLD_S = 3.0
"""An order of somebody else is seen when the limit is read back, at each refresh (3 s) at the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One abnormal condition. `found_s`: within what it is acted on by design, None where only `CORRECT_WITHIN_S` is.

    `on`, `fault`, `seconds`, `ends`: the words of a twin file; `act` instead: what is done to the process or beside it.
    """

    name: str
    found_s: float | None
    on: str = "poi"
    fault: str = ""
    seconds: float = 0.0
    act: str = ""
    wary: bool = False
    """Whether a return may take `WARY_S` longer."""
    heals: bool = False
    """Whether it ends by itself, as a restart does."""


FAILURES = (
    Failure(name="CT open, all conductors", fault="open", found_s=ZEROS_S),
    Failure(name="CT open, one conductor", fault="open_a", found_s=ZEROS_S),
    Failure(name="CT short, one conductor", fault="shorted_b", found_s=ZEROS_S),
    Failure(name="CT reversed, all conductors", fault="reversed", found_s=None),
    Failure(name="CT reversed, one conductor", fault="reversed_a", found_s=None),
    Failure(name="CTs swapped", fault="swapped_ab", found_s=None),
    Failure(name="voltage tap lost", fault="lost_tap_a", found_s=SILENCE_S),
    Failure(name="meter silent", fault="silent", found_s=SILENCE_S),
    Failure(name="meter stale but valid", fault="frozen", found_s=SILENCE_S),
    Failure(name="averaging changed to 5 s", fault="averaging", seconds=5.0, found_s=None),
    Failure(name="DER silent", on="der1", fault="silent", found_s=REVERSION_S),
    Failure(name="DER restarts", on="der1", fault="restart", seconds=3.0, found_s=TOLD_S, heals=True),
    Failure(name="gateway power lost", act="kill", found_s=REVERSION_S, wary=True),
    Failure(name="process hangs", act="hang", found_s=REVERSION_S),
    Failure(name="event loop wedged", act="wedge", found_s=REVERSION_S),
    Failure(name="clock jumps by an hour", act="clock", found_s=0.0),
    Failure(name="second client", on="der1", act="second", found_s=TOLD_S),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a cell is known to violate: how the sentence begins that says so, and why."""

    what: str
    why: str


_NEVER_MET = Known(
    what="beyond the limit",
    why="a DER that was never reached was never limited: `cannot hold` is named, and only a relay would help",
)
KNOWN = {f"DER silent, start, {side}": _NEVER_MET for side in ("export", "import")}
"""Cells that violate their bound on virtual time: each is a hole in the design, or in what it declares. Anything else
that one of them violates is news, and so is that it keeps its bound (tests/simulation/test_abnormal_matrix.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One direction of a limit: its value, the loads before and after, and which way it counts."""

    name: str
    limit_w: float
    before_w: float
    after_w: float
    sign: float
    """Import is positive: -1 for export."""


SIDES = (
    Side(name="export", limit_w=3000.0, before_w=6000.0, after_w=1000.0, sign=-1.0),
    Side(name="import", limit_w=8000.0, before_w=1000.0, after_w=6000.0, sign=1.0),
)
WHENS = ("start", "running")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One failure, at one time, on one site."""

    failure: Failure
    when: str
    side: Side
    quick: bool = False

    @property
    def moves_s(self) -> float:
        """When the load moves."""
        return QUICK_S[0] if self.quick else FAILS_S

    @property
    def name(self) -> str:
        """In words, unique."""
        return f"{self.failure.name}, {self.when}, {self.side.name}"

    @property
    def fails_s(self) -> float:
        """When it fails: at the very beginning, or in operation."""
        return 0.0 if self.when == "start" else self.moves_s

    @property
    def clears_s(self) -> float:
        """When it is whole again."""
        if self.quick:
            return self.moves_s + QUICK_S[1]
        return self.moves_s + (LASTS_LONG_S if self.failure.found_s is None else LASTS_S)

    @property
    def ends_s(self) -> float:
        """How long the cell is watched."""
        returns_s = QUICK_S[2] if self.quick else RETURNS_S
        return self.clears_s + returns_s + (WARY_S if self.failure.wary and not self.quick else 0.0)

    def bound_s(self, twin: TwinFile) -> float:
        """How long the flow may be beyond the limit: detection by design, the way, the DERs' own fall."""
        if self.failure.found_s is None:
            return CORRECT_WITHIN_S
        fall_s = slowest_fall_s(twin, abs(self.side.after_w - self.side.before_w))
        return SEEING_S + self.failure.found_s + ON_THE_WAY_S + fall_s + ROW_S


def cells() -> list[Cell]:
    """The whole matrix."""
    return [Cell(failure=failure, when=when, side=side) for failure in FAILURES for side in SIDES for when in WHENS]


def twin_of(cell: Cell, *, pty: bool = False) -> TwinFile:
    """The site of a cell, with its faults at their times; with `pty` the second DER is on a serial line."""
    side, faults = cell.side, _faults(cell)
    ders = [_der(side, "der1", 6000.0, 0.37), _der(side, "der2", 4000.0, 0.71)]
    if pty:
        ders[1] |= {"link": "serial://der2.tty?baud=19200", "unit": 7}
    meter = {"id": "poi", "noise_w": 4, "phase_s": 0.03, "reply_s": 0.005, "reply_jitter_s": 0.002}
    return TwinFile.model_validate(
        {
            "schema": "hil.twin/1",
            "site": {"name": "matrix", "system": "wye", "nominal_v": 277},
            "meters": [meter | {"update_s": PERIOD_S, "averaging_s": PERIOD_S}],
            "ders": ders,
            "load": [{"steps": [[0, side.before_w], [cell.moves_s, side.after_w]]}],
            "sun": {"constant": 0.95},
            "limits": [{"point": "poi", "direction": side.name, "quantity": "w", "value": side.limit_w}],
            "faults": faults,
        }
    )


def _der(side: Side, name: str, nameplate_w: float, phase_s: float) -> dict[str, Any]:
    der = {"id": name, "nameplate_w": nameplate_w, "control": 704, "telemetry_phase_s": phase_s, "reply_s": 0.01}
    if side.sign < 0.0:
        return der
    return der | {"kind": "battery", "capacity_wh": 8 * nameplate_w, "wish_w": {"constant": -nameplate_w}}


def _faults(cell: Cell) -> list[dict[str, Any]]:
    """The mark tells when the twin's time began; a fault that the twin cannot make itself has no other."""
    failure = cell.failure
    mark = {"at_s": 0.2, "on": "der2", "fault": "thaw_telemetry"}
    if failure.act:
        return [mark]
    begins = {"at_s": cell.fails_s, "on": failure.on, "fault": failure.fault, "seconds": failure.seconds}
    ends = [] if failure.heals else [{"at_s": cell.clears_s, "on": failure.on, "fault": "clear"}]
    return [begins, mark, *ends]
