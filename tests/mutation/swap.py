"""Every mutant at full speed: the code of one function is exchanged for the mutant's.

mutmut asks an environment variable at every call of every function which mutant is meant, which takes two thirds of the
time of a test. A process that loads the folder of the mutants through this module asks nothing.
"""

import importlib
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import FunctionType
from typing import Any

from tests.mutation.mutants import FOLDER

_HOME: dict[str, tuple[FunctionType, FunctionType]] = {}
"""By name of a mutant: the function that is called, and the one whose code it may get."""
_TABLES: list[tuple[FunctionType, dict[str, Any]]] = []


def enter(record: Callable[[str], None] | None = None) -> None:
    """From here on everything is loaded from the folder of the mutants.

    `record` is given the name of each function of the core that is called.
    """
    trampoline = importlib.import_module("mutmut.mutation.trampoline")

    def wrap(table: dict[str, Any], is_classmethod: bool = False) -> Callable[[FunctionType], Callable[..., Any]]:
        def decorate(function: FunctionType) -> Callable[..., Any]:
            _TABLES.append((function, table))
            return function if record is None else _recording(function, table, record)

        return decorate

    trampoline.wrap_in_trampoline = wrap  # type: ignore[attr-defined]
    os.chdir(FOLDER)
    sys.path.insert(0, str(Path.cwd()))
    for name in [n for n in sys.modules if n == "tests" or n.startswith("tests.")]:
        del sys.modules[name]


def _recording(function: FunctionType, table: dict[str, Any], record: Callable[[str], None]) -> Callable[..., Any]:
    @wraps(function)
    def recorded(*args: Any, **kwargs: Any) -> Any:
        record(f"{function.__module__}.{table['_mutmut_orig'].__name__.removesuffix('__mutmut_orig')}")
        return function(*args, **kwargs)

    return recorded


def exchange(name: str) -> None:
    """From now on this mutant (`pcs.core.module.x_function__mutmut_3`) is in force, everywhere and for good."""
    if not _HOME:
        for function, table in _TABLES:
            _HOME.update({f"{function.__module__}.{key}": (function, mutant) for key, mutant in table.items()})
    function, mutant = _HOME[name]
    function.__code__ = mutant.__code__
    function.__defaults__ = mutant.__defaults__
    function.__kwdefaults__ = mutant.__kwdefaults__
    sys.modules["pcs.core.evolve"].__dict__["_COPIES"].clear()  # made by the code as it was
