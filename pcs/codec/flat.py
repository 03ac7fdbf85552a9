"""Records of the journal as rows of a table: one column for each field, its unit at the end of its name.

Made from the fields, as `values` is: `phase_import_w` becomes `phase_import_l1_w` to `phase_import_l3_w`, the fields of
a record inside another one carry its name (`found_limit_w`), register bytes are hex, an enum is its value.
"""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, get_args, get_type_hints

from pcs.model.units import UNIT_SUFFIXES

PHASES = 3
Cell = float | int | str | bool | None


def columns(kinds: Iterable[type[Any]]) -> list[str]:
    """The columns that hold every field of these classes, each once, in the order in which they come up."""
    names: dict[str, None] = {}
    for kind in kinds:
        for name, hint in get_type_hints(kind).items():
            for part in (hint, *get_args(hint)):
                if isinstance(part, type) and is_dataclass(part):
                    names |= dict.fromkeys(f"{name}_{inner}" for inner in columns([part]))
                    break
            else:
                several = getattr(hint, "__origin__", None) is tuple
                names |= dict.fromkeys([_phase(name, n) for n in range(PHASES)] if several else [name])
    return list(names)


def flat(record: Any) -> dict[str, Cell]:
    """The fields of one record by column. More than three values of one field share the last column."""
    cells: dict[str, Cell] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if is_dataclass(value):
            cells |= {f"{field.name}_{name}": cell for name, cell in flat(value).items()}
        elif isinstance(value, tuple):
            plain = [_cell(v) for v in value]
            rest = plain[PHASES - 1 :]
            last = rest if len(rest) < 2 else [" ".join(map(str, rest))]
            cells |= {_phase(field.name, n): cell for n, cell in enumerate([*plain[: PHASES - 1], *last])}
        else:
            cells[field.name] = _cell(value)
    return cells


def _cell(value: Any) -> Cell:
    match value:
        case Enum():
            return str(value.value)
        case bytes():
            return value.hex()
        case None | bool() | int() | float() | str():
            return value
        case _:
            return repr(value)


def _phase(name: str, number: int) -> str:
    unit = next((u for u in sorted(UNIT_SUFFIXES, key=len, reverse=True) if name.endswith(u)), "")
    return f"{name.removesuffix(unit)}_l{number + 1}{unit}"
