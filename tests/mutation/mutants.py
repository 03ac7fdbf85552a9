"""The mutants that mutmut made of the core and what became of each, read from its folder."""

import hashlib
import json
from collections.abc import Iterator
from math import sqrt
from pathlib import Path

FOLDER = Path("mutants")
STRONGER = FOLDER / "stronger.json"
"""What the second round found: whether it killed each survivor of the first."""
TYPES, TESTS, SURVIVED = "types", "tests", "survived"
BY_EXIT = {37: TYPES, 0: SURVIVED, 33: SURVIVED, 5: SURVIVED}
"""mutmut's exit codes: 37 refused by mypy, 0 survived, 33 and 5 no test reaches it; all others are kills."""
UNFINISHED = {None, 2, 34, 35}
Z_95 = 1.96  # two-sided 95 % of the normal distribution


def verdicts() -> dict[str, str | None]:
    """By name of each mutant: TYPES, TESTS, SURVIVED, or None while it has not been run."""
    found: dict[str, str | None] = {}
    for path in sorted((FOLDER / "pcs/core").glob("*.meta")):
        codes = json.loads(path.read_text())["exit_code_by_key"]
        found |= {name: None if c in UNFINISHED else BY_EXIT.get(c, TESTS) for name, c in codes.items()}
    return found


def keep(codes: dict[str, int], root: Path) -> None:
    """Write exit codes of mutants to where mutmut keeps them."""
    by_module: dict[str, dict[str, int]] = {}
    for name, code in codes.items():
        by_module.setdefault(module_of(name), {})[name] = code
    for module, of in by_module.items():
        path = root / FOLDER / f"pcs/core/{module}.py.meta"
        kept = json.loads(path.read_text())
        kept["exit_code_by_key"] |= of
        path.write_text(json.dumps(kept, indent=4))


def stronger() -> dict[str, bool]:
    """By name of a survivor: whether the second round killed it."""
    kept: dict[str, bool] = json.loads(STRONGER.read_text()) if STRONGER.exists() else {}
    return kept


def drawn(names: Iterator[str] | list[str], seed: int) -> list[str]:
    """All names in the order of this seed. A longer sample begins with the shorter one, so that a run can go on."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())


def module_of(name: str) -> str:
    """`measure` of `pcs.core.measure.x_take__mutmut_3`."""
    return name.split(".")[2]


def interval(killed: int, of: int) -> tuple[float, float]:
    """Where the share of all lies with 95 % (Wilson), when `killed` of a random sample of `of` were killed."""
    if of == 0:
        return 0.0, 1.0
    share, z2 = killed / of, Z_95 * Z_95
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z_95 / (1 + z2 / of) * sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)
