"""Turns what pydantic finds into problems with line, expectation and hint."""

import difflib
import re
import types
from collections.abc import Sequence
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pcs.config.problems import shown
from pcs.config.yaml_marks import Document, Path_

_KINDS = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a block of keys",
    "model_type": "a block of keys",
    "model_attributes_type": "a block of keys",
    "finite_number": "a finite number",
}
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
_QUANTITY = re.compile(r"^\s*([-+]?\d+(?:[.,]\d+)?)\s*([kMm]?)(?:W|VA|A|V|s|Hz|%|Wh|deg)?(?:/s)?\s*$")
_PROPER = ("Modbus", "IANA")
"""Words that keep their capital inside a sentence."""
_EMPTY = "nothing stands after the colon; fill it in or remove the key"
_DECIMAL_COMMA = "a comma ends the number here; write a decimal point, or no separator of thousands"
_FACTORS = {"": 1.0, "k": 1e3, "M": 1e6, "m": 1e-3}
_TRUTH = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


_Model = TypeVar("_Model", bound=BaseModel)


def validate(model: type[_Model], document: Document) -> _Model | None:
    """The document as `model`, or None with every departure reported in the document."""
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _report(model, document, detail)
    return None


def _report(model: type[BaseModel], document: Document, detail: ErrorDetails) -> None:
    path: Path_ = tuple(detail["loc"])
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    got = shown(value)
    if kind == "missing":
        document.report(path, "is missing", expected=_described(model, path))
    elif kind == "extra_forbidden":
        known = _keys(_at(model, path[:-1]))
        hint = _DECIMAL_COMMA if str(path[-1]).isdigit() else _did_you_mean(path[-1], known)
        document.report(path, "unknown key", expected=f"one of {', '.join(known)}", hint=hint)
    elif kind == "literal_error":
        choices = _choices(_at(model, path))
        hint = _EMPTY if value is None else _did_you_mean(value, choices)
        expected = " or ".join(choices) if len(choices) < 3 else f"one of {', '.join(choices)}"
        document.report(path, "is not a known value", got=got, expected=expected, hint=hint)
    elif kind in _KINDS:
        document.report(
            path, f"must be {_KINDS[kind]}", got=got, expected=_described(model, path), hint=_hint(kind, value)
        )
    elif kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        hint = "a limit is a magnitude; its direction stands in `direction`" if path[-1:] == ("value",) else ""
        document.report(path, "is out of range", got=got, expected=f"{words} {context[bound]:g}", hint=hint)
    elif kind in ("too_short", "too_long"):
        words = f"at least {context['min_length']}" if kind == "too_short" else f"at most {context['max_length']}"
        document.report(path, "has the wrong number of entries", got=str(context["actual_length"]), expected=words)
    elif kind == "string_pattern_mismatch" and value == "":
        document.report(path, "is empty", expected=_described(model, path))
    elif kind == "string_pattern_mismatch":
        document.report(path, "holds characters that are not allowed", got=got, expected=_described(model, path))
    elif kind == "string_too_long":
        document.report(path, "is too long", got=got, expected=f"at most {context['max_length']} characters")
    else:
        document.report(path, detail["msg"].lower(), got=got)


def _hint(kind: str, value: object) -> str:
    """What the author probably meant."""
    match value:
        case None:
            return _EMPTY
        case bool() if kind == "string_type":
            return f'put it in quotes: "{shown(value)}"'
        case 0 | 1 if kind == "bool_type":
            return f"write {'true' if value == 1 else 'false'}"
        case int() | float() if kind == "string_type":
            return f'put it in quotes: "{shown(value)}"'
        case float() if kind in ("int_type", "int_from_float") and value == value // 1:
            return f"write {value:.0f}"
        case str() if kind == "bool_type":
            meant = _TRUTH.get(value.lower(), value.lower())
            return f"write {meant} without quotes" if meant in ("true", "false") else ""
        case str() if kind in ("float_type", "int_type"):
            return _number_hint(value)
    return ""


def _number_hint(text: str) -> str:
    if re.fullmatch(r"\d{1,3}(:\d\d)+", text):
        return "this is a time of day; write a plain number"
    if text.lower() in _TRUTH:
        return f"`{shown(text)[1:-1]}` is text in YAML 1.2; write a plain number"
    match = _QUANTITY.match(text)
    if match is None or len(text) > 20:  # no quantity of a site has more digits
        return "write a plain number without unit or quotes"
    number = float(match[1].replace(",", ".")) * _FACTORS[match[2]]
    return f"write {number:.12g} without unit or quotes"


def _did_you_mean(word: object, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(str(word).lower(), known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else ""


def _keys(node: Any) -> list[str]:
    return [field.alias or name for name, field in node.model_fields.items()] if _is_model(node) else []


def _described(model: type[BaseModel], path: Path_) -> str:
    """What belongs at `path`, in the words of the schema."""
    parent = _at(model, path[:-1])
    if not path or not _is_model(parent):
        return ""
    for name, field in parent.model_fields.items():
        if (field.alias or name) == path[-1]:
            extra = field.json_schema_extra
            unit = f" ({extra['unit']})" if isinstance(extra, dict) and "unit" in extra else ""
            words = str(field.description or "").split(";")[0].split(". ")[0].rstrip(".:")
            return (words if words.startswith(_PROPER) else words[:1].lower() + words[1:]) + unit
    return ""


def _at(model: Any, path: Path_) -> Any:
    """The type that the schema has at `path`: a block, or the annotation of a field."""
    here: Any = model
    for part in path:
        here = _bare(here)
        if get_origin(here) in (list, dict):
            here = get_args(here)[-1]
        elif _is_model(here):
            fields = {field.alias or name: field.annotation for name, field in here.model_fields.items()}
            here = fields.get(str(part))
        else:
            return None
    return _bare(here)


def _bare(annotation: Any) -> Any:
    """An annotation without `| None` and without metadata."""
    while hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    if get_origin(annotation) in (Union, types.UnionType):
        return _bare(next(arg for arg in get_args(annotation) if arg is not type(None)))
    return annotation


def _choices(annotation: Any) -> list[str]:
    return [str(choice) for choice in get_args(annotation)] if get_origin(annotation) is Literal else []


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
