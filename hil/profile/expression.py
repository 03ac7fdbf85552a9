"""Expressions in profiles: arithmetic, comparisons, min, max and names of parameters. Not a language.

There is no attribute, index, call of anything else, power, string operation or loop, and the size is bounded: an
expression cannot run for long or reach anything. Literals carry units (`max(5 * olrt_limit, 60 s)`); a bare number is a
factor. W and s do not add up.
"""

import ast
import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from hil.profile.units import NUMBER, UNIT, Quantity, UnitError, parse_quantity, product, together

TEXT_MAX = 200  # a longer one cannot be reviewed
NODES_MAX = 80
WORD = r"[a-z][a-z0-9_]*"
Value = Quantity | str | bool
"""A quantity, a word (`'at_start'`), or the answer of a comparison."""

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_UNITED = re.compile(rf"(?<![\w.])({NUMBER})\s*({UNIT})(?![\w/%])")
_COMPARE: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Eq: lambda a, b: math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12),
    ast.NotEq: lambda a, b: not math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12),
}


class ExpressionError(ValueError):
    """An expression that is not one, or that has no value. The text says what is wrong, for the profile's author."""


@lru_cache(maxsize=4096)
def _parsed(text: str) -> tuple[ast.expr, dict[str, Quantity]]:
    if len(text) > TEXT_MAX:
        raise ExpressionError(f"is longer than {TEXT_MAX} characters")
    literals: dict[str, Quantity] = {}

    def name(found: re.Match[str]) -> str:
        literals[f"_{len(literals)}"] = parse_quantity(found[0])
        return f"_{len(literals) - 1}"

    plain = "".join(part if part[:1] in "'\"" and part else _UNITED.sub(name, part) for part in _pieces(text))
    try:
        tree = ast.parse(plain.strip(), mode="eval")
        if sum(1 for _ in ast.walk(tree)) > NODES_MAX:
            raise ExpressionError("is too large; give a part of it a name of its own under parameters")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, ExpressionError):
            raise
        raise ExpressionError(f'"{text}" is no expression of parameters and quantities such as 8 kW') from None
    return tree.body, literals


def _pieces(text: str) -> list[str]:
    """Text outside and inside quotes, in turn."""
    parts, at = [], 0
    for found in _QUOTED.finditer(text):
        parts += [text[at : found.start()], found[0]]
        at = found.end()
    return [*parts, text[at:]]


def names_in(text: str) -> set[str]:
    """The parameters that an expression uses.

    Raises:
        ExpressionError: it is no expression.
    """
    tree, literals = _parsed(text)
    functions = {
        node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - set(literals) - functions


def evaluate(text: str, known: Mapping[str, Value]) -> Value:
    """The value of an expression.

    Raises:
        ExpressionError: a name is unknown, units do not go together, something is not allowed or has no value.
    """
    tree, literals = _parsed(text)
    try:
        return _value(tree, {**known, **literals})
    except UnitError as error:
        raise ExpressionError(f'"{text}": {error}') from None
    except ZeroDivisionError:
        raise ExpressionError(f'"{text}" divides by zero') from None
    except ExpressionError as error:
        raise ExpressionError(f'"{text}": {error}') from None


def _value(node: ast.expr, known: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=bool()) | ast.Constant(value=None):
            raise ExpressionError("true, false and nothing are no quantities")
        case ast.Constant(value=int() | float() as number):
            return _finite(Quantity(value=float(number), unit="pu"))
        case ast.Constant(value=str(word)):
            return word
        case ast.Name(id=name):
            if name not in known:
                raise ExpressionError(f"there is no parameter {name}")
            return known[name]
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            value = _number(inner, known)
            return Quantity(value=-value.value, unit=value.unit)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return not _truth(inner, known)
        case ast.BinOp(left=left, op=operator, right=right):
            return _finite(_arithmetic(operator, _number(left, known), _number(right, known)))
        case ast.BoolOp(op=operator, values=parts):
            answers = [_truth(part, known) for part in parts]
            return all(answers) if isinstance(operator, ast.And) else any(answers)
        case ast.Compare(left=left, ops=operators, comparators=rest):
            sides = [_value(part, known) for part in (left, *rest)]
            return all(_compare(op, a, b) for op, a, b in zip(operators, sides, sides[1:], strict=False))
        case ast.Call(func=ast.Name(id="min" | "max" as name), args=[_, _, *_] as parts, keywords=[]):
            values = [_number(part, known) for part in parts]
            for value in values[1:]:
                together(values[0], value)
            return (min if name == "min" else max)(values, key=lambda value: value.value)
        case _:
            raise ExpressionError(
                "only + - * /, comparisons, and, or, not, min, max, parameters and quantities may stand here"
            )


def _number(node: ast.expr, known: Mapping[str, Value]) -> Quantity:
    value = _value(node, known)
    if not isinstance(value, Quantity):
        raise ExpressionError(f"{ast.unparse(node)} is no quantity")
    return value


def _truth(node: ast.expr, known: Mapping[str, Value]) -> bool:
    value = _value(node, known)
    if not isinstance(value, bool):
        raise ExpressionError(f"{ast.unparse(node)} is no comparison")
    return value


def _arithmetic(operator: ast.operator, left: Quantity, right: Quantity) -> Quantity:
    match operator:
        case ast.Add():
            return Quantity(value=left.value + right.value, unit=together(left, right))
        case ast.Sub():
            return Quantity(value=left.value - right.value, unit=together(left, right))
        case ast.Mult():
            return product(left, right)
        case ast.Div():
            return product(left, right, sign=-1)
        case _:
            raise ExpressionError("only + - * / are known")


def _compare(operator: ast.cmpop, left: Value, right: Value) -> bool:
    if isinstance(left, Quantity) and isinstance(right, Quantity) and type(operator) in _COMPARE:
        together(left, right)
        return _COMPARE[type(operator)](left.value, right.value)
    if isinstance(left, str) and isinstance(right, str) and isinstance(operator, ast.Eq | ast.NotEq):
        return (left == right) is isinstance(operator, ast.Eq)
    raise ExpressionError("quantities compare with quantities, words with words (== and != only)")


def _finite(value: Quantity) -> Quantity:
    if not math.isfinite(value.value):
        raise ExpressionError("is not finite")
    return Quantity(value=float(f"{value.value:.12g}"), unit=value.unit)
