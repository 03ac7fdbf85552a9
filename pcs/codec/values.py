"""Frozen values as rows of plain JSON, and back, exactly, from their fields alone.

A `Vocabulary` knows the classes that it may write and read: dataclasses, named tuples and enums, found by following the
types of fields. A class that is new to a union, or a field that is new to a class, needs no line here. A class is a
list led by its name; what JSON has no form for is a list led by one lower-case letter. Floats come back bit for bit
(Python prints the shortest decimal that reads back as the same float; a NaN comes back as the plain NaN).

Only what is in the vocabulary is ever built: a row from a stranger's file can name no other class.
"""

import enum
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from operator import attrgetter
from types import ModuleType
from typing import Any, get_args, get_type_hints

Table = Mapping[str, Sequence[str]]
"""Names of classes with the names of their fields, in the order in which a row holds them."""

PLAIN = frozenset({float, int, str, bool, type(None)})
TUPLE, LIST, DICT, SET, BYTES = "t", "l", "d", "f", "b"


class UnknownValueError(TypeError):
    """A value of a class that is not in the vocabulary: a bug of ours, found when it is written."""


class Vocabulary:
    """The classes that may be written and read, by their names."""

    def __init__(self, roots: Iterable[Any]) -> None:
        """Collect classes.

        Args:
            roots: types, unions of types, or modules whose own classes are meant; what their fields hold comes along.

        Raises:
            ValueError: two classes of one module have one name; of two modules, they are told apart by them.
        """
        found: dict[type[Any], None] = {}  # in the order in which they come up
        for root in roots:
            for kind in _classes_of(root) if isinstance(root, ModuleType) else (root,):
                _collect(kind, found)
        self.classes: dict[str, type[Any]] = _named(found)
        self._writers: dict[type, Callable[[Any], list[Any]]] = {
            tuple: lambda value: [TUPLE, *map(self.row, value)],
            list: lambda value: [LIST, *map(self.row, value)],
            dict: lambda value: [DICT, *([self.row(k), self.row(v)] for k, v in value.items())],
            frozenset: lambda value: [SET, *sorted(map(self.row, value), key=repr)],
            bytes: lambda value: [BYTES, value.hex()],
        }
        for name, kind in self.classes.items():
            self._writers[kind] = self._writer(name, kind)
        self.table: Table = {name: _field_names(kind) for name, kind in sorted(self.classes.items())}

    def row(self, value: Any) -> Any:
        """A value as JSON has it.

        Raises:
            UnknownValueError: it holds something of a class that is not in the vocabulary.
        """
        kind = type(value)
        if kind in PLAIN:
            return value
        writer = self._writers.get(kind)
        if writer is None:
            raise UnknownValueError(f"{kind.__module__}.{kind.__qualname__} is not in the journal's vocabulary")
        return writer(value)

    def value(self, row: Any, table: Table | None = None) -> Any:
        """The value of a row.

        Args:
            row: what `row` made, here or in another version of this program.
            table: the other version's names of fields; our own if None. A field that it did not have takes its default.

        Raises:
            ValueError, TypeError, LookupError: this is no row of ours, or one that a newer program wrote.
        """
        if type(row) in PLAIN:
            return row
        tag, *parts = row
        match tag:
            case "t":
                return tuple(self.value(part, table) for part in parts)
            case "l":
                return [self.value(part, table) for part in parts]
            case "d":
                return {self.value(k, table): self.value(v, table) for k, v in parts}
            case "f":
                return frozenset(self.value(part, table) for part in parts)
            case "b":
                return bytes.fromhex(parts[0])
            case _:
                return self._built(tag, parts, table)

    def _built(self, tag: Any, parts: list[Any], table: Table | None) -> Any:
        kind = self.classes.get(tag)
        if kind is None:
            raise LookupError(f"{tag!r} is not known to this program")
        if issubclass(kind, enum.Enum):
            if parts[0] not in kind.__members__:
                raise LookupError(f"{tag} {parts[0]!r} is not known to this program")
            return kind[parts[0]]
        names = self.table[tag] if table is None else table.get(tag, self.table[tag])
        values = {name: self.value(part, table) for name, part in zip(names, parts, strict=True)}
        if names != self.table[tag]:
            _check_fields(kind, values.keys())
        return kind(**values)

    def _writer(self, name: str, kind: type[Any]) -> Callable[[Any], list[Any]]:
        names, row = _field_names(kind), self.row
        if issubclass(kind, enum.Enum):
            return lambda value: [name, value.name]
        if len(names) < 2:
            return lambda value: [name, *(row(getattr(value, field)) for field in names)]
        get = attrgetter(*names)
        return lambda value: [name, *[v if type(v) in PLAIN else row(v) for v in get(value)]]


def _collect(hint: Any, found: dict[type[Any], None]) -> None:
    """Every class of ours that a type names, and what their fields hold."""
    inside = get_args(hint)
    for part in inside:
        _collect(part, found)
    if inside or not isinstance(hint, type) or hint in found or not _is_ours(hint):
        return
    found[hint] = None
    if not issubclass(hint, enum.Enum):
        for part in get_type_hints(hint).values():
            _collect(part, found)


def _named(kinds: Iterable[type[Any]]) -> dict[str, type[Any]]:
    """Classes by name; where two modules use one name, both are led by their module's."""
    kinds = list(kinds)
    often = Counter(kind.__name__ for kind in kinds)
    named: dict[str, type[Any]] = {}
    for kind in kinds:
        name, module = kind.__name__, kind.__module__.rpartition(".")[2]
        name = name if often[name] == 1 else f"{module}.{name}"
        if name in named:
            raise ValueError(f"two classes are called {name}")
        named[name] = kind
    return named


def _is_ours(kind: type[Any]) -> bool:
    return is_dataclass(kind) or issubclass(kind, enum.Enum) or hasattr(kind, "_fields")


def _classes_of(module: ModuleType) -> list[type[Any]]:
    own = (kind for kind in vars(module).values() if isinstance(kind, type) and kind.__module__ == module.__name__)
    return [kind for kind in own if _is_ours(kind)]


def _field_names(kind: type[Any]) -> list[str]:
    if issubclass(kind, enum.Enum):
        return []
    return [field.name for field in fields(kind)] if is_dataclass(kind) else list(kind._fields)


def _check_fields(kind: type[Any], given: Iterable[str]) -> None:
    """Say which field a newer program wrote, or an older one lacked, before the class itself complains."""
    known = set(_field_names(kind))
    if newer := sorted(set(given) - known):
        raise LookupError(f"{kind.__name__}.{newer[0]} is not known to this program")
    if is_dataclass(kind):
        needed = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}
        if lacking := sorted(needed - set(given)):
            raise LookupError(f"{kind.__name__}.{lacking[0]} was not yet written by the program that kept this")
