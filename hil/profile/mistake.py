"""Mistakes in a file of the bench: each with its line, what was expected and a hint; all of them at once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake. `where` is the path within the file ("ders[0].unit"), `hint` may be empty."""

    file: str
    line: int
    where: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: {self.where}: " if self.where else f"{self.file}:{self.line}: "
        return place + self.what + (f" ({self.hint})" if self.hint else "")


class BadFileError(Exception):
    """A file of the bench cannot be used; `mistakes` says everything that is wrong with it."""

    def __init__(self, mistakes: list[Mistake]):
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes
