"""Valid wishes that this version cannot fulfil. They end the start with "not supported yet"; nothing is ignored."""

from dataclasses import dataclass

from pcs.config.raw import entries
from pcs.config.yaml_marks import Document, Path_


@dataclass(frozen=True, slots=True)
class Wish:
    """One key of a list section whose `values` (None: any value at all) are not built yet."""

    section: str
    key: str
    values: frozenset[str] | None
    what: str
    now: str


NOT_BUILT = (Wish("ders", "fallback", None, "fallbacks of a single DER", "no fallback: its profile states it"),)


def report_wishes(document: Document) -> None:
    """Report every wish that is not built yet."""
    for wish in NOT_BUILT:
        for path, raw in entries(document, wish.section):
            value = raw.get(wish.key)
            if value is not None and (wish.values is None or (isinstance(value, str) and value in wish.values)):
                _refuse(document, (*path, wish.key), wish.what, value, wish.now)


def _refuse(document: Document, path: Path_, what: str, got: object, now: str) -> None:
    text = got if isinstance(got, str) else ""
    shortened = "".join(c for c in text if c.isprintable())[:60]
    document.report(path, f"not supported yet: {what}", got=shortened, expected=f"in this version {now}")
