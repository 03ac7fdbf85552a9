"""What is wrong with a file, said so that an installer can put it right: where, what, what was expected, a hint."""

from dataclasses import asdict, dataclass

MAX_PROBLEMS = 200
"""More than this is not one file with mistakes but the wrong file; the rest is counted, not listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake. `line` counts from 1; None where there is no line to show (the file is missing)."""

    file: str
    line: int | None
    path: str
    what: str
    got: str = ""
    expected: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        text = f"{place}: {self.path}: {self.what}" if self.path else f"{place}: {self.what}"
        if self.got:
            text += f" (got {self.got})"
        if self.expected:
            text += f", expected {self.expected}"
        if self.hint:
            text += f"; hint: {self.hint}"
        return text

    def as_dict(self) -> dict[str, object]:
        """The same for machines."""
        return asdict(self)


class ConfigError(Exception):
    """A file that cannot be used, with every problem found in it, in the order of its lines. Exit code 2."""

    def __init__(self, problems: list[Problem]) -> None:
        ordered = sorted(dict.fromkeys(problems), key=lambda p: (p.file, p.line or 0, p.path))
        self.problems = tuple(ordered[:MAX_PROBLEMS])
        self.left_out = max(0, len(ordered) - MAX_PROBLEMS)
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems]
        if self.left_out:
            lines.append(f"... and {self.left_out} more")
        return "\n".join(lines)


def shown(value: object) -> str:
    """A value as the file's author would recognise it, short and without control characters."""
    match value:
        case None:
            text = "nothing"
        case bool():
            text = "true" if value else "false"
        case str():
            text = f'"{value}"'
        case dict():
            text = "a block of keys"
        case list():
            text = "a list"
        case int():
            text = str(value) if abs(value) < 10**40 else "a huge number"
        case _:
            text = str(value)
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return text if len(text) <= 60 else text[:57] + "..."
