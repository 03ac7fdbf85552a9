"""The matrix of verdicts: one small grid per profile over its axes, readable without colours."""

from collections.abc import Iterable, Mapping, Sequence

from hil.profile.model import Case
from hil.report.page import Cell, Count, Grid, GridRow, Table
from hil.report.text import BY_WORD, CANNOT, KINDS, Kind, kind_of
from hil.verdict.model import CampaignResult

NO_BREAK = "\N{NO-BREAK SPACE}"  # between a number and its unit, in the narrow head of a column
COLUMNS_MAX = 12  # so many cells and the labels of the rows fit the width of a page


def anchor_of(case_id: str) -> str:
    """A name for links: letters, digits and hyphens."""
    return "case-" + "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in case_id)


def counts_of(result: CampaignResult) -> tuple[Count, ...]:
    """How many cases have which verdict, in order of what must be read first."""
    kinds = [kind_of(found).key for found in result.cases]
    kinds += [BY_WORD[CANNOT].key for _ in _cannot_alone(result)]
    return tuple(Count(kind=kind, cases=kinds.count(kind.key)) for kind in KINDS)


def families_table(result: CampaignResult) -> Table:
    """The same counts for each folder of profiles."""
    names: dict[str, list[str]] = {}
    for found in result.cases:
        names.setdefault(found.case.id.partition("/")[0], []).append(kind_of(found).key)
    for name in _cannot_alone(result):
        names.setdefault(name.partition("/")[0], []).append(BY_WORD[CANNOT].key)
    shown = [kind for kind in KINDS if any(kind.key in keys for keys in names.values())]
    rows = [
        (name, *(str(keys.count(kind.key) or "") for kind in shown), str(len(keys)))
        for name, keys in sorted(names.items())
    ]
    head = ("profiles", *(kind.word for kind in shown), "cases")
    return Table(title="Verdicts by family", head=head, rows=tuple(rows), align="l" + "r" * (len(shown) + 1))


def _cannot_alone(result: CampaignResult) -> list[str]:
    """Cases that the rig cannot do and that have no result of their own."""
    judged = {found.case.id for found in result.cases}
    return [name for name in result.campaign.lacks if name not in judged]


def cannot_table(result: CampaignResult) -> Table | None:
    """What this rig cannot do, and why; None where it can do everything."""
    rows = [(name, "; ".join(why)) for name, why in result.campaign.lacks.items()]
    if not rows:
        return None
    return Table(title="What this rig cannot do", head=("case", "what is lacking"), rows=tuple(rows), align="ll")


def grids_of(result: CampaignResult) -> tuple[Grid, ...]:
    """A grid for each profile, in order of the campaign."""
    cells: dict[str, list[tuple[Mapping[str, str], Cell]]] = {}
    titles: dict[str, str] = {}
    written = _written(found.case for found in result.cases)
    for found in result.cases:
        case = found.case
        titles.setdefault(case.profile, f"{case.title} (version {case.version})")
        cells.setdefault(case.profile, []).append((axes_of(case), _cell(kind_of(found), case.id, found.reason)))
    for name in _cannot_alone(result):
        profile, axes = _parsed(name, written)
        why = "; ".join(result.campaign.lacks[name])
        cell = Cell(key=BY_WORD[CANNOT].key, letter=BY_WORD[CANNOT].letter, hint=f"{name}: {why}")
        cells.setdefault(profile, []).append((axes, cell))
    return tuple(_grid(profile, titles.get(profile, ""), found) for profile, found in sorted(cells.items()))


def axes_of(case: Case) -> dict[str, str]:
    """The value of each axis as the profile writes it."""
    said = {parameter.name: parameter.written for parameter in case.parameters}
    return {axis: said.get(axis, "") for axis in case.axes}


def _cell(kind: Kind, case_id: str, reason: str) -> Cell:
    return Cell(key=kind.key, letter=kind.letter, anchor=anchor_of(case_id), hint=f"{case_id}: {kind.word}, {reason}")


def _written(cases: Iterable[Case]) -> dict[tuple[str, str], str]:
    """How values of axes are written, by how ids have them."""
    found = {}
    for case in cases:
        for part in case.id.rpartition("/")[2].split(","):
            axis, _, value = part.partition("=")
            said = axes_of(case).get(axis)
            if said is not None:
                found[axis, value] = said
    return found


def _parsed(case_id: str, written: Mapping[tuple[str, str], str]) -> tuple[str, dict[str, str]]:
    """Profile and axes of an id, for a case that is known by nothing else."""
    profile, _, tail = case_id.rpartition("/")
    if "=" not in tail:
        return case_id, {}
    pairs = [part.partition("=") for part in tail.split(",")]
    return profile, {axis: written.get((axis, value), value.replace("pct", " %")) for axis, _, value in pairs}


def _grid(profile: str, title: str, found: Sequence[tuple[Mapping[str, str], Cell]]) -> Grid:
    names = list(dict.fromkeys(name for axes, _ in found for name in axes))
    values = {name: list(dict.fromkeys(axes[name] for axes, _ in found if name in axes)) for name in names}
    across: list[str] = []
    for name in reversed(names):
        wide = len(dict.fromkeys(_key(axes, [name, *across]) for axes, _ in found))
        if wide > COLUMNS_MAX:
            break
        across.insert(0, name)
    if across == names and len(names) > 1:  # a square is easier to read than a line
        across = names[(len(names) + 1) // 2 :]
    down = [name for name in names if name not in across]

    def place(key: tuple[str, ...], axes: Sequence[str]) -> list[int]:
        return [values[name].index(said) if said in values[name] else -1 for name, said in zip(axes, key, strict=True)]

    by_place = {(_key(axes, down), _key(axes, across)): cell for axes, cell in found}
    columns = sorted({key for _, key in by_place}, key=lambda key: place(key, across))
    rows = sorted({key for key, _ in by_place}, key=lambda key: place(key, down))
    return Grid(
        profile=profile,
        title=title,
        row_axes=tuple(down),
        column_axes=", ".join(across),
        columns=tuple(", ".join(said.replace(" ", NO_BREAK) for said in key) for key in columns),
        rows=tuple(
            GridRow(labels=key, cells=tuple(by_place.get((key, column), Cell()) for column in columns)) for key in rows
        ),
    )


def _key(axes: Mapping[str, str], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(axes.get(name, "") for name in names)
