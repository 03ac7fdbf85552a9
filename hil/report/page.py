"""What stands in a report, as plain text in plain shapes: the HTML and the PDF are two renderings of the same `Pages`.

No markup is in these texts; whoever renders them escapes them.
"""

from dataclasses import dataclass

from hil.report.text import Kind

PRE_TEST = "pre-test, not certified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that is said. `flag`: empty, `unstated` or `warn`."""

    label: str
    value: str
    flag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Facts that belong together."""

    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of text. `align`: l or r for each column; `strong`: rows that sum up the others; `note` stands below."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    align: str
    strong: tuple[int, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One case in the matrix; `anchor` is empty where there is no page of it, `key` where there is no case."""

    key: str = ""
    letter: str = ""
    anchor: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    """One row: a value of each of the grid's row axes, then its cells."""

    labels: tuple[str, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The verdicts of one profile over its axes. `columns` are values of `column_axes`, joined."""

    profile: str
    title: str
    row_axes: tuple[str, ...]
    column_axes: str
    columns: tuple[str, ...]
    rows: tuple[GridRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePage:
    """One case. `picture` is SVG, empty where there is nothing to draw; `picture_says` is its caption, or why."""

    anchor: str
    id: str
    title: str
    kind: Kind
    reason: str
    facts: tuple[Fact, ...]
    picture: str
    picture_says: str
    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many cases have a verdict."""

    kind: Kind
    cases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """The whole report, cases in the order in which they must be read."""

    title: str
    started_utc: str
    digest: str
    groups: tuple[Group, ...]
    instruments: Table
    naming: tuple[str, ...]
    counts: tuple[Count, ...]
    families: Table
    grids: tuple[Grid, ...]
    cannot: Table | None
    cases: tuple[CasePage, ...]
    files: Table
    sheet: tuple[Table, ...]
