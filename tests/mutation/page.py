"""The survivors, sorted, and the tables of docs/mutation.md: mutmut's folder to `results.json`, then to the page."""

import difflib
import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from tests.mutation.mutants import FOLDER, SURVIVED, TESTS, TYPES, interval, module_of, stronger, verdicts

RESULTS = Path(__file__).with_name("results.json")
PAGE = Path("docs/mutation.md")
BEGIN, END = "<!-- tables -->", "<!-- end of tables -->"
OPEN = "open"
RULES = (
    (r"\+.*strict=(False|None)|-.*strict=True", "equivalent", "both have one length by construction; `strict` says so"),
    (r'float\("(INF|-INF)"\)', "equivalent", "the same number"),
    (r"-.*strict=False", "equivalent", "what is left out is what it is without"),
    (r"-.*\bsign > 0(\.0)?\b.*\+.*\bsign >= 0(\.0)?\b", "equivalent", "a sign is +1 or -1"),
    (
        r"-return (\w+) if (.*) (==|is) (.*) else evolve\(.*\+return \1 if \(\2 \3 \4\) and False else evolve\(|"
        r"-return evolve\((.*)\) if (.*) != (.*) else (\w+) \+return evolve\(.*\) if \(.*\) or True else \w+",
        "equivalent",
        "a new value that equals the old one",
    ),
    (r"-.*\* line\.sign\b.*\+.*/ line\.sign\b", "equivalent", "a sign is +1 or -1"),
    (r"slope >= 0\.0", "equivalent", "a slope of nothing was passed over before"),
    (r"range_w < 0\.0 or excess_w", "equivalent", "what has no range has no excess"),
    (r'\+.*"XX[A-Z0-9_]+XX"', OPEN, ""),
    (r"\+.*(XX|detail=None)|_words", "words", "what people read; no decision hangs on it"),
    (r"range\((41|51)\)|RETRY_MOST_S .* 11\)", "equivalent", "one halving or doubling more than is ever needed"),
    (
        r"most\..*(PIVOTS|dearest|leaving|_moved__mutmut_(2|3)$|-return False \+return True)",
        "performance",
        "another order of pivots, the same optimum",
    ),
    (r"most\..*FULL_W|TINY", "equivalent", "a bound of rounding, met exactly by no sum of floats that matters"),
)
"""Of one survivor (`module.function -old +new`): a pattern, its class, and why it may live. The first that matches."""


@cache
def _module(path: str) -> tuple[dict[str, list[int]], list[str]]:
    spans = json.loads((FOLDER / f"{path}.spans").read_text())["spans"]
    return spans, (FOLDER / path).read_text().splitlines()


def difference(name: str) -> str:
    """What the mutant changes: `-old +new`, lines without their indentation."""
    module, function = name.rsplit(".", 1)
    spans, lines = _module(module.replace(".", "/") + ".py")
    sources = []
    for variant in (function.rsplit("__mutmut_", 1)[0] + "__mutmut_orig", function):
        first, last = spans[variant]
        sources.append([line.strip() for line in lines[first:last]])
    changed = [
        x for x in difflib.unified_diff(*sources, n=0, lineterm="") if x[:1] in "+-" and x[:3] not in ("+++", "---")
    ]
    return " ".join(x for x in changed if not x[1:].startswith("def x"))


def sorted_in(name: str, text: str) -> tuple[str, str]:
    """Class and reason of a survivor."""
    whole = f"{name.removeprefix('pcs.core.')} {text}"
    return next(((kind, why) for pattern, kind, why in RULES if re.search(pattern, whole)), (OPEN, ""))


def collect(names: list[str]) -> dict[str, Any]:
    """The results of the mutants that were run of these names."""
    found, later = verdicts(), stronger()
    modules: dict[str, Counter[str]] = {}
    survivors = []
    for name in names:
        if (verdict := found[name]) is None:
            continue
        if verdict == SURVIVED and name in later:
            verdict = "stronger" if later[name] else SURVIVED
        modules.setdefault(module_of(name), Counter())[verdict] += 1
        if verdict == SURVIVED:
            text = difference(name)
            kind, why = sorted_in(name, text)
            survivors.append({"name": name.removeprefix("pcs.core."), "change": text, "class": kind, "why": why})
    return {"mutants": len(found), "modules": {m: dict(c) for m, c in sorted(modules.items())}, "survivors": survivors}


def tables(results: dict[str, Any]) -> str:
    """The score by module with its 95 % interval, and the survivors by class."""
    rows = [
        "| module | run | mypy | unit tests | stronger tests | left | killed | 95 % |",
        "|---|---|---|---|---|---|---|---|",
    ]
    total: Counter[str] = Counter()
    for module, counts in results["modules"].items():
        rows.append(_row(module, counts))
        total.update(counts)
    rows.append(_row("all", total))
    out = [*rows, "", f"{sum(total.values())} of {results['mutants']} mutants were run.", ""]
    kinds = Counter((s["class"], s["why"]) for s in results["survivors"])
    out += ["| class | survivors | reason |", "|---|---|---|"]
    out += [
        f"| {kind} | {n} | {why or 'not yet looked at, or not yet killed'} |" for (kind, why), n in kinds.most_common()
    ]
    return "\n".join(out)


def _row(name: str, counts: dict[str, int]) -> str:
    parts = [counts.get(k, 0) for k in (TYPES, TESTS, "stronger", SURVIVED)]
    run, killed = sum(parts), sum(parts[:3])
    lo, hi = interval(killed, run)
    cells = " | ".join(map(str, parts))
    return f"| {name} | {run} | {cells} | {100 * killed / max(1, run):.0f} % | {100 * lo:.0f} to {100 * hi:.0f} % |"


def page(text: str, results: dict[str, Any]) -> str:
    """The page with its tables made anew."""
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n{tables(results)}\n{END}{rest.split(END)[1]}"


def write(names: list[str]) -> None:
    """Both files, from mutmut's folder."""
    results = collect(names)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    PAGE.write_text(page(PAGE.read_text(), results))
