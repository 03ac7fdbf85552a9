"""The presets of this installation, and the one that a site file chooses, with what differs at the site."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pcs.config.explain import validate
from pcs.config.preset_schema import LockoutBlock, OverrideBlock, PresetBlock, PresetFile, SourcedBlock
from pcs.config.problems import ConfigError, shown
from pcs.config.profiles import profile_folder
from pcs.config.yaml_marks import Document, load
from pcs.model.limit import Direction, Quantity
from pcs.model.lockout import ExcursionRule, LockoutAction, LockoutRules, ResetRules
from pcs.model.preset import Fallback, Figure, Preset, Tolerance

ANY = "any"
LOWER, HIGHER = "lower", "higher"
"""Which way a number is tighter."""
QUANTITIES = ("w", "va", "a")
ACTIONS = tuple(action.name.lower() for action in LockoutAction)
TIGHTER = {
    "lasting_s": LOWER,
    "beyond_pct": LOWER,
    "count": LOWER,
    "window_s": HIGHER,
    "user_after_s": HIGHER,
    "user_fewer_than": LOWER,
    "user_window_s": HIGHER,
    "installer_after_s": HIGHER,
    "by_itself_s": HIGHER,
}
"""For the figures of a lock-out; all others are tighter when they are lower."""
WHOLE = ("count", "user_fewer_than")
"""Figures that count things."""
LEAST_COUNT = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One figure of a preset: its key, its value, which way it is tighter, where it comes from."""

    key: str
    value: float | str
    tighter: str
    sourced: SourcedBlock
    overridden: str = ""

    @property
    def leaf(self) -> str:
        """The last part of the key, which ends in the unit."""
        return self.key.rpartition(".")[2]


def preset_folder() -> Path:
    """Where the presets of this installation lie."""
    return profile_folder() / "presets"


def preset_ids(folder: Path | None = None) -> list[str]:
    """The names of all presets."""
    return sorted(path.stem for path in (preset_folder() if folder is None else folder).glob("*.yaml"))


def load_preset(identity: str, folder: Path | None = None) -> PresetFile:
    """One preset.

    Raises:
        ConfigError: with every problem of its file.
    """
    document = load((preset_folder() if folder is None else folder) / f"{identity}.yaml")
    parsed = validate(PresetFile, document) if document.data is not None else None
    if parsed is not None:
        _report_contradictions(parsed, identity, document)
    if document.problems or parsed is None:
        raise ConfigError(document.problems)
    return parsed


def _report_contradictions(parsed: PresetFile, identity: str, document: Document) -> None:
    if parsed.id != identity:
        document.report(("id",), "is not the name of the file", got=shown(parsed.id), expected=identity)
    if parsed.lockout is None:
        return
    for number, rule in enumerate(parsed.lockout.rules):
        if (rule.count is None) != (rule.window_s is None):
            document.report(("lockout", "rules", number), "has a count without a window, or a window without a count")
        if rule.count is not None and (rule.count.value < LEAST_COUNT or rule.count.value % 1.0):
            document.report(("lockout", "rules", number, "count"), "is no number of excursions")
    if (parsed.lockout.user_fewer_than is None) != (parsed.lockout.user_window_s is None):
        document.report(("lockout", "user_fewer_than"), "belongs to user_window_s", expected="both, or neither")


def entries_of(parsed: PresetFile) -> dict[str, Entry]:
    """Every figure by its key, in the order in which people read them."""
    found: dict[str, Entry] = {}

    def add(key: str, block: SourcedBlock | None, tighter: str = LOWER) -> None:
        if block is not None:
            value: float | str = getattr(block, "value")  # noqa: B009 (each kind has its own type)
            found[key] = Entry(key=key, value=value, tighter=tighter, sourced=block)

    add("quantity", parsed.quantity)
    for key in ("correct_within_s", "tolerance_pct", "tolerance_most_w"):
        add(key, getattr(parsed, key))
    if parsed.lockout is not None:
        for rule in parsed.lockout.rules:
            for key in ("lasting_s", "beyond_pct", "count", "window_s"):
                add(f"rules.{rule.id}.{key}", getattr(rule, key), TIGHTER[key])
        add("lockout.action", parsed.lockout.action, HIGHER)
        for key in ("user_after_s", "user_fewer_than", "user_window_s", "installer_after_s", "by_itself_s"):
            add(f"lockout.{key}", getattr(parsed.lockout, key), TIGHTER[key])
    add("supervisor.delay_s", parsed.supervisor.delay_s)
    add("supervisor.missing_data_s", parsed.supervisor.missing_data_s)
    for fallback in parsed.fallback:
        add(f"fallback.{fallback.direction}_w", fallback.limit_w)
    return found


def preset_of(choice: PresetBlock, document: Document) -> Preset | None:
    """The preset that a site file chooses, overrides applied; None where the document has new problems."""
    known = preset_ids()
    if choice.id not in known:
        close = difflib.get_close_matches(choice.id, known, n=1)
        hint = f"did you mean {close[0]}?" if close else "docs/presets.md lists them"
        place = ("preset", "id") if ("preset", "id") in document.lines else ("preset",)
        document.report(place, "unknown preset", got=shown(choice.id), expected=f"one of {', '.join(known)}", hint=hint)
        return None
    parsed = load_preset(choice.id)
    figures = entries_of(parsed)
    before = len(document.problems)
    for number, override in enumerate(choice.overrides):
        _apply(figures, override, number, document)
    return _preset(parsed, figures) if len(document.problems) == before else None


def _apply(figures: dict[str, Entry], override: OverrideBlock, number: int, document: Document) -> None:
    """Put one override in the place of the preset's figure, or report why not."""
    path = ("preset", "overrides", number)
    entry = figures.get(override.key)
    if entry is None:
        close = difflib.get_close_matches(override.key, figures, n=1)
        document.report(
            (*path, "key"),
            "is no figure of this preset",
            got=shown(override.key),
            expected=f"one of {', '.join(figures)}",
            hint=f"did you mean {close[0]}?" if close else "",
        )
        return
    wrong = _misfit(entry, override.value)
    if wrong:
        document.report((*path, "value"), "does not fit", got=shown(override.value), expected=wrong)
        return
    looser = _is_looser(entry, override.value)
    if looser and override.reason is None:
        document.report(
            (*path, "value"),
            f"is looser than the preset ({entry.sourced.ref})",
            got=f"{override.key} {override.value}",
            expected=f"{entry.value} or {'tighter' if isinstance(entry.value, str) else entry.tighter}",
            hint="or name the document that allows it: reason: ...",
        )
        return
    figures[override.key] = Entry(
        key=entry.key,
        value=override.value,
        tighter=entry.tighter,
        sourced=entry.sourced,
        overridden=override.reason or "tighter",
    )


def _misfit(entry: Entry, value: float | str) -> str:
    """What would fit; empty where the value does."""
    if entry.key == "quantity":
        return "" if value in (*QUANTITIES, ANY) else f"one of {', '.join((*QUANTITIES, ANY))}"
    if entry.key == "lockout.action":
        return "" if value in ACTIONS else f"one of {', '.join(ACTIONS)}"
    if isinstance(value, str) or not 0.0 <= value <= 1e9:
        return "a number"
    if entry.leaf in WHOLE and (value % 1.0 or value < LEAST_COUNT):
        return "a whole number of at least 1"
    return "" if value > 0.0 or entry.leaf not in ("correct_within_s", "delay_s", "missing_data_s") else "more than 0"


def _is_looser(entry: Entry, value: float | str) -> bool:
    if entry.key == "quantity":
        return value != entry.value
    if isinstance(value, str) or isinstance(entry.value, str):
        return ACTIONS.index(str(value)) < ACTIONS.index(str(entry.value))
    return value > entry.value if entry.tighter == LOWER else value < entry.value


def _preset(parsed: PresetFile, figures: Mapping[str, Entry]) -> Preset:
    """The preset as the model has it."""

    def number(key: str) -> float | None:
        entry = figures.get(key)
        return None if entry is None else float(entry.value)

    quantity = figures.get("quantity")
    within_s, tolerance_pct = number("correct_within_s"), number("tolerance_pct")
    assert within_s is not None
    assert tolerance_pct is not None
    return Preset(
        id=parsed.id,
        version=parsed.version,
        title=parsed.title,
        correct_within_s=within_s,
        quantity=None if quantity is None or quantity.value == ANY else Quantity(str(quantity.value)),
        tolerance=Tolerance(share=tolerance_pct / 100.0, most_w=number("tolerance_most_w")),
        lockout=None if parsed.lockout is None else _lockout(parsed.id, parsed.lockout, figures),
        supervisor_delay_s=number("supervisor.delay_s"),
        missing_data_s=number("supervisor.missing_data_s"),
        fallbacks=tuple(
            Fallback(
                direction=Direction(one.direction),
                limit_w=number(f"fallback.{one.direction}_w") or 0.0,
                per_phase=one.per_phase,
            )
            for one in parsed.fallback
        ),
        figures=tuple(_figure(entry) for entry in figures.values()),
    )


def _lockout(identity: str, block: LockoutBlock, figures: Mapping[str, Entry]) -> LockoutRules:
    def number(key: str) -> float | None:
        entry = figures.get(key)
        return None if entry is None else float(entry.value)

    return LockoutRules(
        preset=identity,
        rules=tuple(
            ExcursionRule(
                id=rule.id,
                lasting_s=number(f"rules.{rule.id}.lasting_s") or 0.0,
                beyond_pct=number(f"rules.{rule.id}.beyond_pct") or 0.0,
                count=int(number(f"rules.{rule.id}.count") or 1),
                window_s=number(f"rules.{rule.id}.window_s"),
            )
            for rule in block.rules
        ),
        action=LockoutAction[str(figures["lockout.action"].value).upper()],
        reset=ResetRules(
            user_after_s=number("lockout.user_after_s"),
            user_fewer_than=int(number("lockout.user_fewer_than") or 0),
            user_window_s=number("lockout.user_window_s") or 0.0,
            installer_after_s=number("lockout.installer_after_s") or 0.0,
            by_itself_s=number("lockout.by_itself_s"),
        ),
    )


def _figure(entry: Entry) -> Figure:
    value = entry.value if isinstance(entry.value, str) else f"{entry.value:.10g}"
    return Figure(
        key=entry.key,
        says=value,
        ref=entry.sourced.ref,
        evidence=entry.sourced.evidence,
        source=entry.sourced.source,
        overridden=entry.overridden,
    )
