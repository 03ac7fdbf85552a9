"""Reads a YAML 1.2 file of the bench into plain values and remembers on which line each of them stands."""

import hashlib
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from hil.profile.mistake import BadFileError, Mistake

MAX_BYTES = 200_000  # the largest shipped profile has 8 kB; 100 kB of YAML take a second to parse
FILES_KEPT = 100  # the library has fifty
MAX_DEPTH = 12  # the schemas need 6
Place = tuple[str | int, ...]
"""Where a value lies: keys and list positions from the top."""
ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(slots=True)
class YamlFile:
    """A file: its plain values, the line of each key and value, its digest, and what is wrong with it so far."""

    name: str
    data: Any = None
    digest: str = ""
    lines: dict[Place, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def line(self, place: Place) -> int:
        """The line of a place, or of the nearest thing around it that exists."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def report(self, place: Place, what: str, hint: str = "") -> None:
        """Add a mistake, once."""
        mistake = Mistake(file=self.name, line=self.line(place), where=spelled(place), what=what, hint=hint)
        if mistake not in self.mistakes:
            self.mistakes.append(mistake)

    def checked(self, model: type[ModelT], schema: str) -> ModelT | None:
        """The file as a model; None, with every mistake reported, if it is not one."""
        if not isinstance(self.data, dict):
            if not self.mistakes:
                self.report((), f"must be a mapping that begins with `schema: {schema}`")
            return None
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            for place, what, hint in _explained(error, self, model):
                self.report(place, what, hint)
            return None

    def stop(self) -> None:
        """Give up if anything is wrong.

        Raises:
            BadFileError: with every mistake, in the order of lines.
        """
        if self.mistakes:
            raise BadFileError(sorted(self.mistakes, key=lambda mistake: mistake.line))


def spelled(place: Place) -> str:
    """A place as people write it: `prepare[0].to`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place).removeprefix(".")


def read_yaml(path: Path, name: str = "", most_bytes: int = MAX_BYTES) -> YamlFile:
    """Read a file; `name` is how mistakes call it. Never raises for what a file may hold."""
    file = YamlFile(name=name or str(path))
    try:
        with path.open("rb") as stream:
            raw = stream.read(most_bytes + 1)
    except OSError as error:
        file.report((), f"cannot be read: {error.strerror}", "check the path")
        return file
    return parse_yaml(raw, file.name, most_bytes)


def parse_yaml(raw: bytes, name: str, most_bytes: int = MAX_BYTES) -> YamlFile:
    """Read what a file holds. Never raises for what it may be."""
    if len(raw) > most_bytes:
        file = YamlFile(name=name)
        file.report((), f"is larger than {most_bytes // 1000} kB", "is this the right file?")
        return file
    if len(raw) > MAX_BYTES:
        return _parsed(raw, name)
    known = _known(raw)
    if known.mistakes:  # which carry the file's name
        return _parsed(raw, name)
    return replace(known, name=name, data=deepcopy(known.data), lines=dict(known.lines), mistakes=[])


@lru_cache(maxsize=FILES_KEPT)
def _known(raw: bytes) -> YamlFile:
    """What the bytes of a file hold: a library reads its common parameters once for each of its profiles."""
    return _parsed(raw, "")


def _parsed(raw: bytes, name: str) -> YamlFile:
    file = YamlFile(name=name)
    file.digest = hashlib.sha256(raw).hexdigest()
    try:
        root = YAML(typ="rt", pure=True).compose(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        file.lines[()] = raw[: error.start].count(b"\n") + 1
        file.report((), "is not UTF-8 text")
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        file.lines[()] = mark.line + 1 if mark else 1
        file.report((), f"is not YAML: {error.problem or error.context}", "check indentation, brackets and quotes")
    except (YAMLError, ValueError, RecursionError) as error:
        file.report((), f"is not YAML ({type(error).__name__})")
    else:
        file.data = _plain(root, (), file) if root is not None else None
    return file


def _plain(node: Node, place: Place, file: YamlFile) -> Any:
    file.lines[place] = node.start_mark.line + 1
    if len(place) > MAX_DEPTH:
        file.report(place, "is nested too deeply")
        return None
    if node.anchor is not None:
        file.report(place, "has an anchor or is an alias", "write it out; aliases are off")
        return None
    match node:
        case MappingNode():
            values: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = str(key_node.value)
                if key in values:
                    first = file.lines[(*place, key)]
                    file.lines[(*place, key)] = key_node.start_mark.line + 1
                    file.report((*place, key), f"is given twice (first on line {first})")
                    file.lines[(*place, key)] = first  # whose value is the one that is kept
                    continue
                values[key] = _plain(value_node, (*place, key), file)
                file.lines[(*place, key)] = key_node.start_mark.line + 1
            return values
        case SequenceNode():
            return [_plain(item, (*place, i), file) for i, item in enumerate(node.value)]
        case ScalarNode():
            return _scalar(node)
    return None


def _scalar(node: ScalarNode) -> Any:
    """The value by the YAML 1.2 core schema, which knows no sexagesimals and no `NO`."""
    text = str(node.value)
    if node.style == ">":
        text = text.replace("\a", "")  # ruamel marks so where a folded text was folded, to write it again
    try:
        match str(node.tag).rpartition(":")[2]:
            case "int":
                return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
            case "float":
                return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
            case "bool":
                return text.lower() == "true"
            case "null":
                return None
    except ValueError:
        pass  # `1_000` stays text
    return text


def _explained(error: ValidationError, file: YamlFile, model: type[BaseModel]) -> Iterator[tuple[Place, str, str]]:
    keys = _known_keys(model)
    for problem in error.errors(include_url=False):
        place: Place = problem["loc"]
        what, hint = problem["msg"], ""
        match problem["type"]:
            case "extra_forbidden":
                what = "unknown key"
                near = get_close_matches(str(place[-1]), keys, n=1)
                hint = f"did you mean {near[0]}?" if near else ""
            case "missing":
                what = "is missing"
            case "string_type" if isinstance(problem["input"], int | float) and not isinstance(problem["input"], bool):
                what = f"{problem['input']} has no unit"
                hint = f"write {problem['input']} W, {problem['input']} s, {problem['input']} % or another unit"
            case _:
                what = what[0].lower() + what[1:]
                if not isinstance(problem["input"], dict | list):
                    what += f', got "{str(problem["input"])[:60]}"'
        yield place, what, hint


def _known_keys(model: type[BaseModel]) -> list[str]:
    schema = model.model_json_schema(by_alias=True)
    parts = [schema, *schema.get("$defs", {}).values()]
    return sorted({key for part in parts for key in part.get("properties", {})})
