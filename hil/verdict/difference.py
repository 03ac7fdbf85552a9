"""Where two results differ first: words exactly, numbers by more than another processor makes of it."""

import math
from collections.abc import Mapping
from typing import Any

SAME_SHARE = 1e-6  # results have 9 digits; sums in another order change the last of 16, a fit multiplies that


def first_difference(said: Any, made: Any, where: str = "") -> str | None:
    """What differs first between two plain values (of JSON), and where; None where nothing does."""
    if isinstance(said, bool) or isinstance(made, bool) or type(said) is not type(made):
        numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (said, made))
        if not numbers:
            return None if said == made and type(said) is type(made) else _said(where, said, made)
    if isinstance(said, Mapping):
        for key in (*said, *(key for key in made if key not in said)):
            if key not in said or key not in made:
                return _said(_inside(where, key), said.get(key, ABSENT), made.get(key, ABSENT))
            found = first_difference(said[key], made[key], _inside(where, key))
            if found is not None:
                return found
        return None
    if isinstance(said, list):
        for i, (one, other) in enumerate(zip(said, made, strict=False)):
            found = first_difference(one, other, f"{where}[{i}]")
            if found is not None:
                return found
        return None if len(said) == len(made) else _said(f"{where} (how many)", len(said), len(made))
    if isinstance(said, int | float):
        return None if math.isclose(said, made, rel_tol=SAME_SHARE, abs_tol=SAME_SHARE) else _said(where, said, made)
    return None if said == made else _said(where, said, made)


ABSENT = "nothing"


def _inside(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _said(where: str, said: Any, made: Any) -> str:
    return f"{where}: {said!r} in results.json, {made!r} from the records"
