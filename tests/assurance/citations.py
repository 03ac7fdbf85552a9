"""Who cites which requirement: docstrings of tests, basis of test profiles, modules of the controller and the bench."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from ruamel.yaml import YAML

from hil.profile.library import library
from tests.architecture.tree import Module, modules, text_of, tracked
from tests.assurance.catalogue import Requirement

FAMILIES = "CRD|U3141|NEC|US|1547(?:\\.1)?|G100|AU|NZ|DE|IE|ES|IEC|SW"
ID = re.compile(rf"(?<![\w./-])(?:{FAMILIES})-[A-Z0-9][A-Za-z0-9]*(?:[.-][A-Za-z0-9]+)*(?:/\.\d+)?")
NO_ID = re.compile(r"1547(\.1)?-20\d\d")
"""IEEE 1547-2018 is the standard, no requirement of it."""
PLAYS = ("tests/simulation", "tests/realtime")
"""Tests that play a profile on our controller."""


@dataclass(slots=True)
class Cited:
    """Who cites one requirement. Tests are (file, name); the name is empty where a whole file is about it."""

    tests: list[tuple[str, str]] = field(default_factory=list)
    profiles: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)


def ids(text: str) -> list[str]:
    """Every requirement id in a text, each once, in order."""
    return [name for name in dict.fromkeys(ID.findall(text)) if not NO_ID.fullmatch(name)]


def said_by(module: Module) -> dict[str, str]:
    """The tests of a file and what their docstrings say; under "" what the file says of itself."""
    found = {"": ast.get_docstring(module.tree) or ""}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            found[node.name] = ast.get_docstring(node) or ""
    return found


def files_with_tests() -> tuple[Module, ...]:
    """Every file with tests."""
    return tuple(module for module in modules("tests") if module.path.rsplit("/", 1)[-1].startswith("test_"))


def profiles() -> dict[str, list[str]]:
    """The ids that each test profile of the library rests on. Only that much is read: to expand them all takes long."""
    read = YAML(typ="safe")
    return {name: [basis["ref"] for basis in read.load(path)["basis"]] for name, path in library().items()}


def played() -> set[str]:
    """The profiles that some test plays on our controller."""
    known = set(library())
    return {
        name for module in modules(*PLAYS) for name in known if f'"{name}"' in module.text or f'"{name}/' in module.text
    }


def citations() -> dict[str, Cited]:
    """Who cites what, by requirement id, ids that do not exist included."""
    found: dict[str, Cited] = defaultdict(Cited)
    for module in files_with_tests():
        for name, says in said_by(module).items():
            for cited in ids(says):
                found[cited].tests.append((module.path, name))
    for name, refs in profiles().items():
        for cited in dict.fromkeys(refs):
            found[cited].profiles.append(name)
    for module in modules("pcs", "hil"):
        for cited in ids(module.text):
            found[cited].code.append(module.path)
    return dict(found)


def named_elsewhere() -> dict[str, list[str]]:
    """Ids in device profiles, presets, test profiles and pages: they prove nothing, but they have to exist."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in tracked():
        if path.startswith(("firmware_config/", "test_profiles/", "docs/")) and path.endswith((".yaml", ".md")):
            for cited in ids(text_of(path)):
                found[cited].append(path)
    return dict(found)


def contradictions(known: Iterable[Requirement], found: dict[str, Cited]) -> list[str]:
    """Where the data say something else than the citations."""
    wrong = []
    for entry in known:
        cited = found.get(entry.id, Cited())
        proven = bool(cited.tests or cited.profiles)
        if entry.is_ours and not proven and not entry.why:
            wrong.append(f"{entry.id}: nothing cites it; write a test, or say `why` not")
        if entry.is_ours and proven and entry.why:
            wrong.append(f"{entry.id}: something cites it, so `why` is out of date; say what is `missing`, if anything")
    return wrong


def status(entry: Requirement, cited: Cited) -> str:
    """One word or two, with what is lacking."""
    if not entry.is_ours:
        return f"not for us: {entry.why}"
    if entry.why:
        return f"**not covered**: {entry.why}"
    if entry.missing:
        return f"partly: {entry.missing}"
    words = ["tested"] if cited.tests else []
    return ", ".join(words + (["measured on the bench"] if cited.profiles else []))
