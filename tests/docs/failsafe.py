"""Makes `docs/fail-safe.md` from the rows that the core acts on."""

from pathlib import Path

from pcs.core.failsafe import TABLE, Action, DerAction, Rule

TARGET = Path(__file__).parents[2] / "docs" / "fail-safe.md"

HEAD = """# The fail-safe table

<!-- Generated from pcs/core/failsafe.py by tests/docs/failsafe.py. Do not edit. -->

What the controller does when something is wrong. Every condition is one row; the severest action of all that are
active wins, and an action can only tighten. `pcs status` names the active conditions; the journal keeps when each
began and ended.

The **safe set** are the caps at which every limit holds with no help from the load beyond `credited_min_load_w`
(default 0): it earns what the limit allows, which at non-export may be nothing. It is where the controller starts, and
where it leaves the DERs when it ends.

## The site

Any condition leads straight to its state; the severest wins. When one ends, the severest of the rest decides.

```
"""

STATES = {
    Action.NORMAL: "the control law decides: restricts at once, releases slewed",
    Action.HOLD: "caps may fall, not rise",
    Action.TIGHTEN: "caps move towards the safe set",
    Action.SAFE: "every DER at its share of the safe set",
}
DER_STATES = {
    DerAction.REASSERT: "its cap is written again",
    DerAction.HONOUR: "never raised above the limit that was found",
    DerAction.RESERVE: "counted at its nameplate rating, and no help is expected of it; the others make room",
}


def generate() -> str:
    """The whole page."""
    parts = [HEAD, picture(), "```\n\n## One DER\n\n"]
    parts += [f"- *{action.name.lower()}*: {words}.\n" for action, words in DER_STATES.items()]
    return "".join([*parts, "\n## Every condition\n\n", table()])


def picture() -> str:
    """The states of the site from lenient to severe, with what leads there."""
    lines = []
    for action, words in STATES.items():
        if action is not Action.NORMAL:
            lines += [f"    │  {rule.kind}" for rule in TABLE if rule.action is action] + ["    ▼"]
        lines.append(f"  {action.name.lower():8}  {words}")
    return "\n".join(lines) + "\n"


def table() -> str:
    """The rows, in the order of the core's table."""
    lines = ["| condition | site | DER | what it does | ends |", "|---|---|---|---|---|"]
    return "\n".join(lines + [_row(rule) for rule in TABLE]) + "\n"


def _row(rule: Rule) -> str:
    site = "" if rule.action is Action.NORMAL else rule.action.name.lower()
    der = "" if rule.der_action is DerAction.NONE else rule.der_action.name.lower()
    return f"| {rule.kind} | {site} | {der} | {rule.does} | {rule.clears} |"


if __name__ == "__main__":
    TARGET.write_text(generate(), encoding="utf-8")
