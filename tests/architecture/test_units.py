"""Every number says its unit in its name: float fields, parameters, what functions return (docs/STYLE.md, rule 2)."""

import ast
from collections.abc import Iterator

import pytest

from pcs.model.units import UNIT_SUFFIXES
from tests.architecture.tree import CODE, Module, functions, modules

UNITLESS = {  # last words of names that are numbers without a unit, or whose unit is said elsewhere
    "factor": "a ratio of two equal units",
    "fraction": "a ratio of two equal units",
    "gain": "a ratio of two equal units",
    "part": "a ratio of two equal units",
    "ratio": "a ratio of two equal units",
    "share": "a ratio of two equal units",
    "speed": "virtual time over real time",
    "sigma": "a number of standard deviations",
    "lo": "a bound: the unit is that of the thing it bounds",
    "hi": "a bound: the unit is that of the thing it bounds",
    "value": "the unit stands beside it (Limit.quantity), or the function works for any unit",
    "values": "as value",
    "number": "a decoder of bytes: the unit is the caller's",
    "scaled": "a decoder of bytes: the unit is the caller's",
    "px": "pixels of a picture, which are no unit of the field",
    "raw": "a register's number before its scale",
    "written": "registers' numbers before their scale",
    "divisor": "what a value is divided by, to get raw numbers",
    "scale": "what a value is multiplied by, to get its unit",
    "offset": "what is added to a value before it has its unit",
    "watts": "the unit is the name",
    "sign": "+1 or -1",
    "weights": "shares",
}
ALLOWED = {  # what is named by somebody else, or has no unit of its own
    "CtBlock.class_": "key of the site file, which is fixed: accuracy class in percent",
    "LimitBlock.margin": "key of the site file, which is fixed: in the unit of its limit",
    "ProbePart.at_least": "key of the profile, as the bench reads it: in the unit of its point",
    "ProbePart.at_most": "as ProbePart.at_least",
    "LimitRegistersPart.at_least": "as ProbePart.at_least",
    "LimitRegistersPart.at_most": "as ProbePart.at_least",
    "LimitRegistersPart.step": "as ProbePart.at_least",
    "ProbeBlock.at_least": "key of the profile: in the unit of its point",
    "ProbeBlock.at_most": "key of the profile: in the unit of its point",
    "LimitRegistersBlock.at_least": "key of the profile: in the unit of its point",
    "LimitRegistersBlock.at_most": "key of the profile: in the unit of its point",
    "LimitRegistersBlock.step": "key of the profile: in the unit of its point",
    "Source.peak": "a source is a curve of any unit",
    "Unit.advance": "an action that also returns the energy, in W*s",
    "Inverter.advance": "as Unit.advance",
    "Storage.advance": "as Unit.advance",
    "Hybrid.advance": "as Unit.advance",
    "Evse.advance": "as Unit.advance",
    "VirtualLoop.time": "asyncio's name: in seconds",
    "VirtualLoop.call_at.when": "asyncio's own name",
    "VirtualLoop.call_later.delay": "asyncio's own name",
}
MEASURES = {"float", "Band"}
SEQUENCES = {"Iterable", "Iterator", "Sequence", "deque", "frozenset", "list", "set", "tuple"}
MAPPINGS = {"Mapping", "MutableMapping", "dict"}


def measures(annotation: ast.expr | None) -> bool:
    """Whether a type is made of floats alone, so that its name owes a unit."""
    match annotation:
        case ast.Constant(value=str(text)):
            return measures(ast.parse(text, mode="eval").body)
        case ast.Name(id=name):
            return name in MEASURES
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            sides = [side for side in (left, right) if not (isinstance(side, ast.Constant) and side.value is None)]
            return all(measures(side) for side in sides)
        case ast.Subscript(value=ast.Name(id=name), slice=inside):  # several numbers of one kind
            parts = list(inside.elts) if isinstance(inside, ast.Tuple) else [inside]
            parts = [part for part in parts if not (isinstance(part, ast.Constant) and part.value is ...)]
            if name in MAPPINGS:
                return measures(parts[-1])
            records = any(isinstance(part, ast.Subscript) for part in parts)  # rows of a table: no unit fits them all
            return name in SEQUENCES and bool(parts) and not records and all(measures(part) for part in parts)
        case _:
            return False


def has_unit(name: str) -> bool:
    """Whether a name ends in a unit, or in a word that needs none."""
    return name.endswith(UNIT_SUFFIXES) or name.rsplit("_", 1)[-1] in UNITLESS


def unitless(module: Module) -> list[str]:
    """Every float of a module that does not say its unit."""
    return [
        f"{module.path}:{line}: {name}"
        for line, name in names(module.tree)
        if name not in ALLOWED and not has_unit(name.rsplit(".", 1)[-1])
    ]


def names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and qualified name of every float field, parameter and public function that returns one float."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and measures(line.annotation):
                    yield line.lineno, f"{node.name}.{line.target.id}"
    for name, function in functions(tree):
        arguments = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
        floats = [argument for argument in arguments if measures(argument.annotation)]
        for argument in floats:
            yield argument.lineno, f"{name}.{argument.arg}"
        generic = any(argument.arg.rsplit("_", 1)[-1] in UNITLESS for argument in floats)  # clamp(value, lo, hi)
        several = isinstance(function.returns, ast.Subscript)
        if measures(function.returns) and not several and not generic and not function.name.startswith("_"):
            yield function.lineno, name


def test_every_float_in_an_interface_carries_its_unit() -> None:
    assert [fault for module in modules(*CODE) for fault in unitless(module)] == []


@pytest.mark.parametrize(
    ("source", "offender"),
    [
        ("class A:\n  limit: float", "a.py:2: A.limit"),
        ("class A:\n  caps: tuple[float, ...] = ()", "a.py:2: A.caps"),
        ("class A:\n  dead_time: Band", "a.py:2: A.dead_time"),
        ("class A:\n  margin: 'float | None' = None", "a.py:2: A.margin"),
        ("def f_w(x: int, *, power: float) -> float: ...", "a.py:1: f_w.power"),
        ("def injected(by_der_w: dict[str, float]) -> float | None: ...", "a.py:1: injected"),
        ("class A:\n  async def age(self) -> float: ...", "a.py:2: A.age"),
    ],
)
def test_a_float_without_a_unit_is_found(source: str, offender: str) -> None:
    assert unitless(Module("a.py", source)) == [offender]


def test_units_ratios_and_generic_functions_pass_the_unit_rule() -> None:
    source = """
class A:
    limit_w: float | None = None
    ct_ratio: float
    facts: tuple[tuple[str, float | str], ...] = ()
    name: str
def clamp(value: float, lo: float, hi: float) -> float: ...
def age_s(now_s: float) -> float: ...
"""
    assert unitless(Module("a.py", source)) == []
