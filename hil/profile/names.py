"""The names that a case's expressions may use: one value of each axis, and the parameters, each with its provenance."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product as combinations

from hil.profile.expression import ExpressionError, Value, evaluate, names_in
from hil.profile.model import Parameter
from hil.profile.schema import AxisPart, ParameterPart, ProfileFile
from hil.profile.units import Quantity, UnitError, parse_quantity
from hil.profile.words import Provenance
from hil.profile.yaml_file import Place, YamlFile

WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
CASES_MAX = 2000  # a campaign of a week at five minutes a case


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What replaces a parameter's or an axis' text: an overlay's number or a rating of the device under test."""

    texts: tuple[str, ...]
    provenance: Provenance
    origin: str
    source: str
    file: YamlFile
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """A parameter and the file that defines it: the profile itself, or `common.yaml`."""

    name: str
    part: ParameterPart
    file: YamlFile


@dataclass(slots=True)
class Names:
    """The values of one case, and which of them have been used."""

    file: YamlFile
    values: dict[str, Value] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def value(self, text: str, place: Place) -> Value | None:
        """The value of an expression outside `parameters`; None, with the mistake reported, where it has none."""
        try:
            self.used |= names_in(text)
            found = evaluate(text, self.values)
        except ExpressionError as error:
            self.file.report(place, str(error))
            return None
        return found

    def quantity(self, text: str, place: Place, units: tuple[str, ...], *, signed: bool = False) -> Quantity | None:
        """A quantity in one of `units`. Zero may stand as a literal; any other number needs a name, for its source.

        A time is not negative unless it is `signed`.
        """
        found = self.value(text, place)
        if found is None:
            return None
        if not isinstance(found, Quantity):
            self.file.report(place, f'"{text}" is no quantity', f"in {' or '.join(units)}")
            return None
        if found.unit not in units and not (found.is_ratio and "pu" in units):
            self.file.report(place, f'"{text}" is in {found.unit}', f"expected {' or '.join(units)}")
            return None
        if _is_literal(text) and found.value != 0.0:
            hint = "name it under parameters, with its provenance and source"
            self.file.report(place, f'"{text}" is a number without provenance', hint)
            return None
        if found.unit == "s" and found.value < 0.0 and not signed:
            self.file.report(place, f'"{text}" is less than nothing: {found}')
            return None
        return found

    def word(self, text: str, place: Place, words: tuple[str, ...]) -> str | None:
        """A word of a closed list, or the name of an axis that holds one."""
        found = self.values.get(text)
        if isinstance(found, str):
            self.used.add(text)
        else:
            found = text
        if found not in words:
            self.file.report(place, f'"{found}" is not known here', f"one of {', '.join(words)}")
            return None
        return found

    def holds(self, text: str | None, place: Place) -> bool:
        """Whether a condition holds; true where there is none."""
        if text is None:
            return True
        found = self.value(text, place)
        if found is not None and not isinstance(found, bool):
            self.file.report(place, f'"{text}" is no comparison')
        return found is True


def all_names(
    profile: ProfileFile, file: YamlFile, parts: Sequence[Sourced], given: Mapping[str, Given]
) -> Iterator[Names]:
    """The names of every combination of the matrix for which `where` holds. `parts`: parameters, common ones first."""
    names_known = {part.name for part in parts}
    for name in given.keys() - profile.matrix.keys() - names_known:
        there = given[name]
        there.file.report(there.place, f"{profile.id} has no parameter or axis {name}")
    for name in profile.matrix.keys() & names_known:
        file.report(("matrix", name), "is a parameter too", "one name, one thing")
    axes = [[*_axis(name, axis, file, given.get(name))] for name, axis in profile.matrix.items()]
    count = 1
    for axis_values in axes:
        count *= len(axis_values)
    if count > CASES_MAX:
        file.report(("matrix",), f"makes {count} combinations, at most {CASES_MAX}")
        return
    for point in combinations(*axes):
        names = Names(file=file)
        for parameter, value in point:
            names.parameters[parameter.name], names.values[parameter.name] = parameter, value
        for part in parts:
            _add(names, part, given.get(part.name))
        if all(names.holds(text, ("where", i)) for i, text in enumerate(profile.where)):
            yield names


def _axis(name: str, axis: AxisPart, file: YamlFile, given: Given | None) -> Iterator[tuple[Parameter, Value]]:
    texts = given.texts if given else tuple(axis.values)
    there = given.file if given else file
    place: Place = given.place if given else ("matrix", name, "values")
    units = set()
    for i, text in enumerate(texts):
        try:
            value: Value = text if WORD.fullmatch(text) else parse_quantity(text)
        except UnitError as error:
            there.report(place if given else (*place, i), str(error))
            continue
        units.add(value.unit if isinstance(value, Quantity) else "")
        yield _parameter(name, value, text, axis, given), value
    if len(units) > 1:
        there.report(place, f"mixes {', '.join(sorted(unit or 'words' for unit in units))}")
    if len(set(texts)) < len(texts):
        there.report(place, "has the same value twice")


def _add(names: Names, sourced: Sourced, given: Given | None) -> None:
    """Evaluate one parameter, and remember where its value comes from."""
    name, part, home = sourced.name, sourced.part, sourced.file
    place: Place = ("parameters", name, "value")
    try:
        own = evaluate(part.value, names.values)
        names.used |= names_in(part.value)
    except ExpressionError as error:
        home.report(place, str(error), "parameters may use the axes, and parameters above them")
        return
    value = own
    if given is not None:
        try:
            value = evaluate(given.texts[0], names.values)
        except ExpressionError as error:
            given.file.report(given.place, str(error))
            return
        if isinstance(own, Quantity) and isinstance(value, Quantity) and own.unit != value.unit:
            given.file.report(given.place, f"is in {value.unit}, where {name} is in {own.unit}")
            return
    if isinstance(value, bool) or not isinstance(value, Quantity):
        home.report(place, f'"{part.value}" is no quantity')
        return
    if _bare(part.value):
        home.report(place, f"{part.value} has no unit", f"write {part.value} times, {part.value} s, ...")
    names.parameters[name] = _parameter(name, value, given.texts[0] if given else part.value, part, given)
    names.values[name] = value


def _parameter(name: str, value: Value, written: str, part: AxisPart | ParameterPart, given: Given | None) -> Parameter:
    return Parameter(
        name=name,
        value=value.value if isinstance(value, Quantity) else str(value),
        unit=value.unit if isinstance(value, Quantity) else "",
        written=written,
        provenance=given.provenance if given else Provenance(part.provenance),
        origin=given.origin if given else part.provenance,
        source=given.source if given else part.source,
    )


def _is_literal(text: str) -> bool:
    try:
        return not names_in(text)
    except ExpressionError:
        return False


def _bare(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
