"""What must hold: limits, their schedules and modes, as far as the file alone can be wrong."""

from collections.abc import Callable
from itertools import islice

from pydantic import ValidationError

from pcs.config.blocks import Mode
from pcs.config.check_ders import STORAGE_KINDS
from pcs.config.check_points import above, measured, points
from pcs.config.limit_schema import LimitBlock, ModesBlock
from pcs.config.limits import FORBIDDEN, limit, mode_limits
from pcs.config.overlap import days_in, overlap
from pcs.config.problems import shown
from pcs.config.raw import RawBlock, block, entries, number, word
from pcs.config.yaml_marks import Document, Path_
from pcs.model.limit import Window


def report_limits(document: Document) -> None:
    """Report everything that is wrong in limits and modes beyond types and ranges."""
    _something_must_hold(document)
    for path, raw in entries(document, "limits"):
        _value(document, path, raw)
        _place(document, path, raw)
        _storage(document, path, raw)
        _windows(document, path, raw, _limit_windows(raw))
    modes = block(document, "modes")
    if modes:
        _modes(document, modes)
        _windows(document, ("modes",), modes, _mode_windows(modes))
    _outside(document)


def _something_must_hold(document: Document) -> None:
    given = document.data.get("limits") if isinstance(document.data, dict) else None
    modes = block(document, "modes")
    if given in (None, []) and not (modes.get("ess") or modes.get("schedule")):
        what = "is missing" if given is None else "has the wrong number of entries"
        document.report(("limits",), what, expected="at least one limit, or a mode of storage")


def _value(document: Document, path: Path_, raw: RawBlock) -> None:
    if raw.get("value") is None and not raw.get("schedule"):
        what = "must be a number (got nothing)" if "value" in raw else "is missing"
        hint = "nothing stands after the colon; fill it in or remove the key" if "value" in raw else ""
        document.report((*path, "value"), what, expected="the limit, a magnitude (W (VA, A))", hint=hint)


def _place(document: Document, path: Path_, raw: RawBlock) -> None:
    point = word(raw, "point") if "point" in raw else "poi"
    known = points(document)
    if point is None or point not in known:
        return
    if point not in measured(document):
        document.report(
            (*path, "point"),
            "no meter measures this point",
            got=shown(point),
            expected=f"a meter with point: {point}",
        )
    if word(known[point], "kind") == "busbar" and word(raw, "direction") == "export":
        document.report(
            (*path, "direction"),
            "a busbar has no export: its infeeds always add up to its load",
            expected="import",
        )
    rating = number(known[point], "rating_a")
    items = raw.get("schedule")
    windows = [((*path, "schedule", k), item) for k, item in enumerate(items if isinstance(items, list) else [])]
    for place, holder in [(path, raw), *((p, item) for p, item in windows if isinstance(item, dict))]:
        value = number(holder, "value")
        if word(raw, "quantity") == "a" and value is not None and rating is not None and value > rating:
            document.report(
                (*place, "value"),
                "contradicts the rating of its point",
                got=f"{value:g} A at {point}, which is rated {rating:g} A",
                expected=f"at most {rating:g}",
            )


def _storage(document: Document, path: Path_, raw: RawBlock) -> None:
    if word(raw, "scope") == "ess":
        _wants_storage(document, (*path, "scope"), "a limit for storage")
    if raw.get("accounting") is not None and (word(raw, "scope"), word(raw, "direction")) != ("ess", "import"):
        document.report(
            (*path, "accounting"),
            "means nothing here",
            expected="it for direction: import with scope: ess",
            hint="remove it",
        )


def _wants_storage(document: Document, path: Path_, what: str) -> None:
    ders = [raw for _, raw in entries(document, "ders")]
    if ders and not any(word(raw, "kind") in STORAGE_KINDS for raw in ders):
        document.report(
            path,
            f"{what}, and the site has no storage",
            expected="a DER of kind battery or hybrid",
            hint="or remove it",
        )


def _limit_windows(raw: RawBlock) -> list[tuple[int, Window]]:
    return _parsed(
        raw, lambda item: limit(LimitBlock.model_validate({"direction": "export", "schedule": [item]})).schedule
    )


def _mode_windows(raw: RawBlock) -> list[tuple[int, Window]]:
    def windows(item: object) -> tuple[Window, ...]:
        rows = mode_limits(ModesBlock.model_validate({"ess": "no_exchange", "schedule": [item]}))
        return tuple(window for row in rows for window in row.schedule)

    return _parsed(raw, windows)


def _parsed(raw: RawBlock, parse: Callable[[object], tuple[Window, ...]]) -> list[tuple[int, Window]]:
    """The windows of a schedule that are right in themselves, each with its place in the list."""
    items, found = raw.get("schedule"), list[tuple[int, Window]]()
    for k, item in enumerate(items[:64] if isinstance(items, list) else []):
        try:
            found += [(k, window) for window in parse(item)]
        except ValidationError:
            continue  # told by the schema
    return found


def _windows(document: Document, path: Path_, raw: RawBlock, windows: list[tuple[int, Window]]) -> None:
    items = raw.get("schedule")
    for k, item in enumerate(items if isinstance(items, list) else []):
        if isinstance(item, dict):
            _window(document, (*path, "schedule", k), item, is_mode=path == ("modes",))
    for n, (k, one) in enumerate(windows):
        rivals = (
            (j, other)
            for j, other in windows[:n]
            if j != k and other.value != one.value and other.priority == one.priority and overlap(one, other)
        )
        for j, _ in islice(rivals, 1):
            first = document.line((*path, "schedule", j))
            document.report(
                (*path, "schedule", k),
                "overlaps with another entry that has a different value",
                got=f"schedule[{j}] on line {first}",
                expected="entries that do not overlap",
                hint="give both a priority: the lower number wins where they overlap",
            )


def _window(document: Document, path: Path_, raw: dict[str, object], *, is_mode: bool) -> None:
    if not is_mode and (raw.get("value") is not None) == (raw.get("unlimited") is True):
        both = raw.get("value") is not None
        document.report(
            (*path, "unlimited") if both else path,
            "has a value, and none at all" if both else "says neither a value nor unlimited: true",
            expected="value, or unlimited: true",
        )
    if (raw.get("first_day") is None) != (raw.get("last_day") is None):
        missing = "first_day" if raw.get("first_day") is None else "last_day"
        document.report((*path, missing), "is missing", expected="it beside the other end of the season")
    for key in ("first_day", "last_day"):
        month, _, day = (word(raw, key) or "").partition("-")
        if month in _MONTHS and day.isdecimal() and len(day) == 2 and int(day) > days_in(int(month), leap=True):
            document.report((*path, key), "is no day of the calendar", got=shown(raw[key]), expected="MM-DD")
    if word(raw, "from") == "24:00":
        document.report((*path, "from"), "is the end of a day", got='"24:00"', expected="00:00 to 23:59")


_MONTHS = tuple(f"{month:02d}" for month in range(1, 13))


def _modes(document: Document, modes: RawBlock) -> None:
    key = "ess" if modes.get("ess") is not None else "schedule"
    _wants_storage(document, ("modes", key), "a mode of storage")
    mode: Mode | None = next((m for m in FORBIDDEN if m == modes.get("ess")), None)
    if mode is None:
        return
    for path, raw in entries(document, "limits"):
        direction, value = word(raw, "direction"), number(raw, "value")
        if word(raw, "scope") != "ess" or (word(raw, "point") or "poi") != "poi" or value is None:
            continue
        if mode == "unrestricted" or (direction in FORBIDDEN[mode] and value > 0):
            document.report(
                (*path, "scope"),
                f"contradicts the mode {mode} of line {document.line(('modes', 'ess'))}",
                got=f"{direction} limit {value:g} for storage",
                expected="the mode or the limit, not both",
            )


def _outside(document: Document) -> None:
    """A controlled DER that lies behind no limited point would be commanded for nothing."""
    limited = {word(raw, "point") or "poi" for _, raw in entries(document, "limits")}
    limited |= {name for name, raw in points(document).items() if word(raw, "kind") == "busbar"}
    limited |= {"poi"} if block(document, "modes") else set()
    if not limited or "poi" in limited or limited - points(document).keys():
        return
    for path, raw in entries(document, "ders"):
        point = word(raw, "point") or "poi"
        if raw.get("controlled", True) is True and not limited & set(above(document, point)):
            document.report(
                (*path, "point"),
                "lies outside every limit",
                got=f"{shown(word(raw, 'id'))} at {point}",
                expected=f"a DER behind {' or '.join(sorted(limited))}, or a limit at {point}",
                hint="or write controlled: false",
            )
