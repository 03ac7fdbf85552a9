"""Makes the fail-safe table in `docs/DESIGN.md` from the rows that the core acts on."""

from pathlib import Path

from pcs.core.failsafe import TABLE, Action, DerAction

PAGE = Path(__file__).parents[2] / "docs" / "DESIGN.md"
BEGIN, END = "<!-- the fail-safe table, made by `make docs` -->\n", "<!-- end of the fail-safe table -->\n"


def table() -> str:
    """The rows, in the order of the core's table."""
    lines = ["| condition | site | DER | what it does | ends |", "|---|---|---|---|---|"]
    for rule in TABLE:
        site = "" if rule.action is Action.NORMAL else rule.action.name.lower()
        der = "" if rule.der_action is DerAction.NONE else rule.der_action.name.lower()
        lines.append(f"| {rule.kind} | {site} | {der} | {rule.does} | {rule.clears} |")
    return "\n".join(lines) + "\n"


def spliced(page: str) -> str:
    """The page with its table made anew."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return head + BEGIN + table() + END + tail


if __name__ == "__main__":
    PAGE.write_text(spliced(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
