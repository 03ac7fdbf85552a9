"""Makes `docs/fail-safe.md` and its pictures from the rows that the core acts on."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pcs.core.failsafe import TABLE, Action, Clears, DerAction, Rule
from pcs.core.measure import OPEN_FOR_S
from pcs.core.obey import OBEYED_FOR_S
from pcs.core.wiring import DOUBT_S
from pcs.model.fault import FaultKind

A = TypeVar("A", Action, DerAction)

TARGET = Path(__file__).parents[2] / "docs" / "fail-safe.md"
FOLDER = TARGET.parent / "images"

HEAD = """# The fail-safe table

<!-- Generated from pcs/core/failsafe.py by tests/docs/failsafe.py. Do not edit. -->

What the controller does when something is wrong. Every condition is one row; the severest action of all that are
active wins, and an action can only tighten. `pcs status` names the active conditions; the journal keeps when each
began and ended. That each row is reached, acts and ends as it says here is a test: `tests/unit/test_failsafe_rows.py`.

The **safe set** are the caps at which every limit holds with no help from the load beyond `credited_min_load_w`
(default 0): it earns what the limit allows, which at non-export may be nothing. It is where the controller starts, and
where it leaves the DERs when it ends.

## The site

Any condition leads straight to its state; the severest wins. When one ends, the severest of the rest decides. It starts
in *safe*: the first measurements are still to come. A meter that repeated itself is a lost one from its first new
measurement on, until there were three.

![The states of the site, what leads to each and what leads back](images/fail-safe-site.svg)

"""

STATES = {
    Action.NORMAL: "the control law decides: restricts at once, releases slewed",
    Action.HOLD: "caps may fall, not rise",
    Action.TIGHTEN: "caps move towards the safe set",
    Action.SAFE: "every DER at its share of the safe set",
}
DER_STATES = {
    DerAction.NONE: "has its share of the budget, and is expected to follow",
    DerAction.REASSERT: "its cap is written again",
    DerAction.HONOUR: "never raised above the limit that was found",
    DerAction.RESERVE: "counted at its nameplate rating, and no help is expected of it; the others make room",
}
OF_DERS = """
## One DER

![The states of one DER, what leads to each and what leads back](images/fail-safe-der.svg)

"""
WITHOUT = """
## What changes neither

"""
HEALED = {
    FaultKind.METER_LATE: "with the next new value",
    FaultKind.METER_STALE: "with the next new value",
    FaultKind.METER_OPEN_CT: f"when it reads something; a phase is tried again after {OPEN_FOR_S:g} s",
    FaultKind.METER_DOUBTED: f"with an answer of the right sign; without any unverified after {DOUBT_S:g} s",
    FaultKind.CANNOT_MEASURE: "when the meter says it",
    FaultKind.DER_SILENT: "with its first valid answer",
    FaultKind.DER_DISOBEDIENT: f"after {OBEYED_FOR_S:g} s within what it was told",
    FaultKind.DER_UNWRITABLE: "with the first command that it confirms",
    FaultKind.WRONG_DEVICE: "when the right device is met",
    FaultKind.DER_RESTARTED: "when it confirms its cap",
    FaultKind.CANNOT_HOLD: "when the flow is inside the limit",
}
"""What it means that a condition ends: for each row that ends with its cause."""
NAMES = {DerAction.NONE: "counted on"}
"""What people call a state whose name in the code says less."""


def generate() -> str:
    """The whole page."""
    parts = [HEAD, listed(STATES, of_site), OF_DERS, listed(DER_STATES, of_der), WITHOUT]
    parts += [
        f"- *{rule.kind}*: {rule.does}; ends {ends(rule)}.\n" for rule in TABLE if rule.action == 0 == rule.der_action
    ]
    return "".join([*parts, "\n## Every condition\n\n", table()])


def of_site(rule: Rule) -> Action:
    """The state of the site to which a row leads."""
    return rule.action


def of_der(rule: Rule) -> DerAction:
    """The state of its DER to which a row leads."""
    return rule.der_action


def listed(states: dict[A, str], of: Callable[[Rule], A]) -> str:
    """The states in words, from lenient to severe: what leads to each, and what ends that."""
    parts = []
    for state, words in states.items():
        parts.append(f"- **{called(state)}**: {words}.\n")
        if state:
            parts += [f"  - {rule.kind}; ends {ends(rule)}\n" for rule in TABLE if of(rule) is state]
    return "".join(parts)


def called(state: Action | DerAction) -> str:
    """A state's name on the page."""
    return NAMES.get(state, state.name.lower()) if isinstance(state, DerAction) else state.name.lower()


def ends(rule: Rule) -> str:
    """When a condition is over, in words that stand behind "ends"."""
    return HEALED[rule.kind] if rule.clears is Clears.WHEN_HEALTHY else str(rule.clears)


def table() -> str:
    """The rows, in the order of the core's table."""
    lines = ["| condition | site | DER | what it does | ends |", "|---|---|---|---|---|"]
    return "\n".join(lines + [_row(rule) for rule in TABLE]) + "\n"


def _row(rule: Rule) -> str:
    site = "" if rule.action is Action.NORMAL else rule.action.name.lower()
    der = "" if rule.der_action is DerAction.NONE else rule.der_action.name.lower()
    return f"| {rule.kind} | {site} | {der} | {rule.does} | {ends(rule)} |"


# --- pictures: states below each other, the way there on the left, the way back on the right

WIDE, LEFT, RIGHT = 1080, 320, 620
BOX_HIGH, LINE_HIGH, GAP = 52, 19, 26
HUES = ("#2e8b57", "#d9a400", "#d2691e", "#c0392b")
STYLE = 'font-family="Helvetica, Arial, DejaVu Sans, sans-serif" font-size="13"'


def picture(title: str, states: dict[A, str], of: Callable[[Rule], A]) -> str:
    """The states as SVG, the lenient one on top; each way there with its condition, each way back with its end."""
    parts, top = [], 14
    first, *rest = states
    parts += box(first, states[first], HUES[0], top, BOX_HIGH)
    foot = top + BOX_HIGH // 2
    top += BOX_HIGH + GAP
    for hue, state in zip(HUES[1:], rest, strict=True):
        rules = [rule for rule in TABLE if of(rule) is state]
        high = max(BOX_HIGH, LINE_HIGH * len(rules) + 14)
        middle = top + high // 2
        parts += box(state, states[state], hue, top, high)
        for n, rule in enumerate(rules):
            y = middle + round((n - (len(rules) - 1) / 2) * LINE_HIGH) + 4
            parts.append(f'<text x="{LEFT - 34}" y="{y}" text-anchor="end">{rule.kind}</text>')
            parts.append(f'<text x="{RIGHT + 34}" y="{y}">{ends(rule)}</text>')
        parts.append(arrow(f"M{LEFT - 26} {top + 4}V{top + high - 4}M{LEFT - 26} {middle}H{LEFT - 3}", hue))
        lane = RIGHT + 12 + 5 * rest.index(state)
        parts.append(arrow(f"M{RIGHT} {middle}H{lane}V{foot - 6 + 6 * rest.index(state)}H{RIGHT + 3}", hue))
        top += high + GAP
    head = f'<svg viewBox="0 0 {WIDE} {top}" xmlns="http://www.w3.org/2000/svg" role="img" {STYLE}>'
    marks = "".join(
        f'<marker id="{hue[1:]}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{hue}"/></marker>'
        for hue in HUES
    )
    columns = f'<text x="{LEFT - 34}" y="40" text-anchor="end" font-weight="bold">what leads there</text>'
    columns += f'<text x="{RIGHT + 34}" y="40" font-weight="bold">and back: it ends ...</text>'
    ground = f'<rect width="{WIDE}" height="{top}" fill="white"/>'
    return "\n".join([head, f"<title>{title}</title>", f"<defs>{marks}</defs>", ground, columns, *parts, "</svg>", ""])


def box(state: Action | DerAction, words: str, hue: str, top: int, high: int) -> list[str]:
    """One state: its name, and below it what happens in it, in up to two lines."""
    middle = (LEFT + RIGHT) // 2
    lines = halves(words, 46)
    y = top + high // 2 - 7 * len(lines) + 2
    said = "".join(
        f'<text x="{middle}" y="{y + 16 + 14 * n}" text-anchor="middle" font-size="12">{line}</text>'
        for n, line in enumerate(lines)
    )
    return [
        f'<rect x="{LEFT}" y="{top}" width="{RIGHT - LEFT}" height="{high}" rx="7" fill="{hue}" fill-opacity="0.12" '
        f'stroke="{hue}" stroke-width="1.5"/>',
        f'<text x="{middle}" y="{y}" text-anchor="middle" font-weight="bold" fill="{hue}">{called(state)}</text>{said}',
    ]


def halves(words: str, most: int) -> list[str]:
    """The words in lines of at most so many characters."""
    lines = [""]
    for word in words.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def arrow(path: str, hue: str) -> str:
    """A line that ends in a head."""
    return f'<path d="{path}" fill="none" stroke="{hue}" stroke-width="1.4" marker-end="url(#{hue[1:]})"/>'


def pictures() -> dict[Path, str]:
    """Each picture of the page by its file."""
    return {
        FOLDER / "fail-safe-site.svg": picture("the fail-safe states of the site", STATES, of_site),
        FOLDER / "fail-safe-der.svg": picture("the fail-safe states of one DER", DER_STATES, of_der),
    }


if __name__ == "__main__":
    TARGET.write_text(generate(), encoding="utf-8")
    for path, text in pictures().items():
        path.write_text(text, encoding="utf-8")
