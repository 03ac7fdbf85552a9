"""Limits of a site file as the model has them: their schedules, and operating modes as rows of two kinds of limit."""

from pcs.config.blocks import Mode
from pcs.config.limit_schema import LimitBlock, ModesBlock, SpanBlock
from pcs.model.limit import Accounting, Basis, Direction, Limit, Quantity, Scope, Window

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MODES_SOURCE = "modes"
FORBIDDEN: dict[Mode, frozenset[Direction]] = {
    "unrestricted": frozenset(),
    "export_only": frozenset({Direction.IMPORT}),
    "import_only": frozenset({Direction.EXPORT}),
    "no_exchange": frozenset({Direction.EXPORT, Direction.IMPORT}),
}
"""What storage must not exchange with the Area EPS (CRD-MODE-UNR, CRD-MODE-EXP, CRD-MODE-IMP, CRD-MODE-NEX)."""


def limit(block: LimitBlock) -> Limit:
    """A limit as the file states it."""
    return Limit(
        point=block.point,
        direction=Direction(block.direction),
        quantity=Quantity(block.quantity),
        value=block.value,
        basis=Basis(block.basis),
        scope=Scope(block.scope),
        correct_within_s=block.correct_within_s,
        margin_w=block.margin,
        source=block.source,
        accounting=Accounting(block.accounting),
        priority=block.priority,
        schedule=tuple(_window(entry, entry.value) for entry in block.schedule),
    )


def mode_limits(modes: ModesBlock) -> tuple[Limit, ...]:
    """The rows of the table of limits that the modes are short for; a direction that is never forbidden has no row."""
    usual = FORBIDDEN[modes.ess or "unrestricted"]
    return tuple(
        Limit(
            direction=direction,
            value=0.0 if direction in usual else None,
            scope=Scope.ESS,
            correct_within_s=modes.correct_within_s,
            source=MODES_SOURCE,
            accounting=Accounting(modes.accounting),
            schedule=tuple(_window(e, 0.0 if direction in FORBIDDEN[e.ess] else None, e.ess) for e in modes.schedule),
        )
        for direction in Direction
        if direction in usual or any(direction in FORBIDDEN[entry.ess] for entry in modes.schedule)
    )


def _window(block: SpanBlock, value: float | None, name: str = "") -> Window:
    return Window(
        value=value,
        from_min=minutes(block.from_),
        to_min=minutes(block.to),
        weekdays=tuple(sorted(DAYS.index(day) for day in set(block.days or ()))),
        first_day=_month_day(block.first_day),
        last_day=_month_day(block.last_day),
        name=block.name or name,
        priority=block.priority,
    )


def minutes(time_of_day: str) -> int:
    """``HH:MM`` as minutes of the day."""
    hours, _, rest = time_of_day.partition(":")
    return 60 * int(hours) + int(rest)


def _month_day(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    month, _, day = text.partition("-")
    return int(month), int(day)
