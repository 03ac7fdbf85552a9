"""Valid wishes that this version cannot fulfil. They end the start with "not supported yet"; nothing is ignored."""

from dataclasses import dataclass

from pcs.config.raw import block, entries, word
from pcs.config.yaml_marks import Document, Path_


@dataclass(frozen=True, slots=True)
class Wish:
    """One key of a list section whose `values` (None: any value at all) are not built yet."""

    section: str
    key: str
    values: frozenset[str] | None
    what: str
    now: str


NOT_BUILT = (
    Wish("limits", "direction", frozenset({"import"}), "import limits", "export"),
    Wish("limits", "quantity", frozenset({"va", "a"}), "limits of current or apparent power", "w"),
    Wish("limits", "basis", frozenset({"phase", "conductor"}), "limits per phase or conductor", "total"),
    Wish("limits", "scope", frozenset({"ess"}), "limits for storage only", "all"),
    Wish("limits", "schedule", None, "schedules", "a limit that always holds"),
    Wish("limits", "priority", None, "priorities between limits", "no priority: the tightest limit binds"),
    Wish("limits", "accounting", None, "accounting of storage", "no accounting"),
    Wish("ders", "kind", frozenset({"battery", "hybrid", "evse", "generator"}), "DERs of this kind", "pv"),
    Wish("ders", "priority", None, "priorities between DERs", "no priority: DERs share by nameplate"),
    Wish("ders", "fallback", None, "fallbacks of a single DER", "no fallback: its profile states it"),
)


def report_wishes(document: Document) -> None:
    """Report every wish that is not built yet."""
    for wish in NOT_BUILT:
        for path, raw in entries(document, wish.section):
            value = raw.get(wish.key)
            if value is not None and (wish.values is None or (isinstance(value, str) and value in wish.values)):
                _refuse(document, (*path, wish.key), wish.what, value, wish.now)
    for path, raw in entries(document, "points"):
        if word(raw, "id") != "poi":
            _refuse(document, path, "points other than poi", word(raw, "id"), "no further points")
        elif raw.get("kind") in ("conductor", "busbar") or raw.get("rating_a") is not None:
            _refuse(document, path, "conductor and busbar points and ratings", None, "kind net without a rating")
    if block(document, "modes"):
        _refuse(document, ("modes",), "operating modes", None, "no modes")


def _refuse(document: Document, path: Path_, what: str, got: object, now: str) -> None:
    text = got if isinstance(got, str) else ""
    shortened = "".join(c for c in text if c.isprintable())[:60]
    document.report(path, f"not supported yet: {what}", got=shortened, expected=f"in this version {now}")
