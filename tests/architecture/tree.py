"""The files of the project as the architecture tests see them: what git tracks or would track, read once."""

import ast
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = ("pcs", "hil")
SKIPPED_FOLDERS = {"__pycache__", "build", "demo-run", "dist"}  # for a tree without git: a source archive


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file: its path from the root, its text and its syntax tree."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """The syntax tree, parsed once for each text."""
        return parse(self.text)


@cache
def parse(text: str) -> ast.Module:
    """Parse once; the tests share the trees and do not change them."""
    return ast.parse(text)


@cache
def tracked() -> tuple[str, ...]:
    """Paths from the root of every file of the project, new ones included, ignored ones not."""
    if shutil.which("git") and (ROOT / ".git").exists():
        command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split("\0")
        return tuple(sorted({name for name in listed if name and (ROOT / name).is_file()}))
    return tuple(sorted(walked()))


def walked() -> Iterator[str]:
    """What git would list, for a source archive."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in SKIPPED_FOLDERS and (not f.startswith(".") or f == ".ci")]
        yield from (str((Path(folder) / name).relative_to(ROOT)) for name in names)


@cache
def text_of(path: str) -> str:
    """A file's text; empty for one that is not text or not there."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """Every Python file under the given folders of the root."""
    heads = tuple(f"{folder}/" for folder in folders)
    return tuple(Module(path, text_of(path)) for path in tracked() if path.endswith(".py") and path.startswith(heads))


@cache
def pages() -> tuple[Module, ...]:
    """Every Markdown page of the project."""
    return tuple(Module(path, text_of(path)) for path in tracked() if path.endswith(".md"))


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function with its qualified name, methods and nested ones included."""

    def within(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield prefix + child.name, child
                yield from within(child, f"{prefix}{child.name}.")
            elif isinstance(child, ast.ClassDef):
                yield from within(child, f"{prefix}{child.name}.")
            else:
                yield from within(child, prefix)

    return within(tree, "")


def strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every string literal with its line, docstrings and the fixed parts of f-strings included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
