"""Frozen dataclasses as JSON and back, by their types alone: one codec for cases, runs, campaigns and results.

Numbers come back to the last bit. A number that is not finite is `{"float": "nan"}` (or inf, -inf), because JSON has
none. What has a default may be missing in a file, so a field can be added; a name that is not known is refused, because
whoever wrote it meant something by it.
"""

import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

NOT_FINITE = {"nan", "inf", "-inf"}
SHOWN = 60  # characters of a value that cannot be read: enough to find it


class CodecError(ValueError):
    """A value does not fit its type. `where` is the path to it (`case.steps[2].at_s`)."""

    def __init__(self, where: str, what: str):
        super().__init__(f"{where or 'the whole'}: {what}")
        self.where, self.what = where, what


def to_json(value: object, schema: str) -> str:
    """The text of a file: one object that names its schema first. Keys keep the order of the class."""
    plain = to_plain(value)
    if not isinstance(plain, dict):
        raise TypeError(f"{type(value).__name__} is no object with names")
    return json.dumps({"schema": schema, **plain}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(kind: type[T], text: str, schema: str) -> T:
    """What `to_json` wrote.

    Raises:
        CodecError: no JSON, another or a newer schema, a name that is missing or not known, a value of another type.
    """
    try:
        plain = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)
    except RecursionError:
        raise CodecError("", "is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise CodecError(f"line {error.lineno}", f"is no JSON: {error.msg}") from None
    if not isinstance(plain, dict):
        raise CodecError("", "is no object with names")
    check_schema(plain.pop("schema", None), schema)
    return from_plain(kind, plain)


def check_schema(said: object, known: str) -> None:
    """Whether this version can read a file that says `said`, where `known` is what it knows (`hil.run/1`).

    Raises:
        CodecError: another kind of file, or a newer version of this one.
    """
    if said == known:
        return
    name, _, version = known.partition("/")
    other, _, found = said.partition("/") if isinstance(said, str) else ("", "", "")
    if other == name and found.isdecimal() and int(found) > int(version):
        raise CodecError("schema", f"{said} is newer than {known}; read it with the version of hil that wrote it")
    raise CodecError("schema", f"expected {known}, got {_short(said)}")


def to_plain(value: object) -> Any:
    """Dictionaries, lists, texts and numbers that JSON can hold."""
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else {"float": repr(value)}
        case Mapping():
            return {str(to_plain(key)): to_plain(item) for key, item in value.items()}
        case tuple() | list():
            return [to_plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def from_plain(kind: type[T], plain: object, where: str = "") -> T:
    """A value of this type out of what `to_plain` made.

    Raises:
        CodecError: it does not fit.
    """
    return typing.cast("T", _read(kind, plain, where))


def _read(kind: Any, plain: object, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return _one_of(arguments, plain, where)
    if origin is tuple:
        return _tuple(arguments, plain, where)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(plain, dict):
            raise CodecError(where, f"expected names with values, got {_short(plain)}")
        return {
            _read(arguments[0], key, where): _read(arguments[1], item, f"{where}.{key}") for key, item in plain.items()
        }
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass(kind, plain, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(plain)
        except ValueError:
            raise CodecError(where, f"{_short(plain)} is no {kind.__name__}") from None
    return _scalar(kind, plain, where)


def _scalar(kind: Any, plain: object, where: str) -> Any:
    if kind is float:
        if isinstance(plain, dict) and plain.keys() == {"float"} and plain["float"] in NOT_FINITE:
            return float(plain["float"])
        if isinstance(plain, int | float) and not isinstance(plain, bool):
            try:
                return float(plain)
            except OverflowError:
                raise CodecError(where, f"{_short(plain)} is too large") from None
    elif kind in (type(None), None):
        if plain is None:
            return None
    elif kind in (bool, str) or (kind is int and not isinstance(plain, bool)):
        if isinstance(plain, kind):
            return plain
    elif kind is not int:
        raise TypeError(f"{kind} has no form in JSON")
    words = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}.get(kind, "nothing")
    raise CodecError(where, f"expected {words}, got {_short(plain)}")


def _one_of(kinds: tuple[Any, ...], plain: object, where: str) -> Any:
    """The first member that fits; members of the unions here differ in their JSON type."""
    deepest: CodecError | None = None
    for kind in kinds:
        try:
            return _read(kind, plain, where)
        except CodecError as error:
            if deepest is None or len(error.where) > len(deepest.where):
                deepest = error
    assert deepest is not None
    raise deepest


def _tuple(kinds: tuple[Any, ...], plain: object, where: str) -> tuple[Any, ...]:
    if not isinstance(plain, list):
        raise CodecError(where, f"expected a list, got {_short(plain)}")
    if len(kinds) == 2 and kinds[1] is ...:
        kinds = (kinds[0],) * len(plain)
    if len(kinds) != len(plain):
        raise CodecError(where, f"expected {len(kinds)} values, got {len(plain)}")
    return tuple(_read(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(kinds, plain, strict=True)))


def _dataclass(kind: type, plain: object, where: str) -> object:
    if not isinstance(plain, dict):
        raise CodecError(where, f"expected the names of {kind.__name__}, got {_short(plain)}")
    known = _fields(kind)
    unknown = sorted(plain.keys() - known.keys())
    missing = [n for n, (f, _) in known.items() if n not in plain and f.default is f.default_factory is MISSING]
    if unknown:
        raise CodecError(where, f'{kind.__name__} has no "{unknown[0]}"; a newer version of hil may have written it')
    if missing:
        raise CodecError(where, f'{kind.__name__} lacks "{missing[0]}"')
    dot = f"{where}." if where else ""
    given: dict[str, Any] = {name: _read(known[name][1], item, dot + name) for name, item in plain.items()}
    return kind(**given)


@cache
def _fields(kind: type) -> dict[str, tuple["Field[Any]", Any]]:
    hints = typing.get_type_hints(kind)
    return {field.name: (field, hints[field.name]) for field in fields(kind)}


def _no_constant(text: str) -> object:
    raise CodecError("", f"{text} is no number of JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, item in pairs:
        if key in found:
            raise CodecError("", f"names {_short(key)} twice")
        found[key] = item
    return found


def _short(value: object) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."
