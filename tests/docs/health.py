"""Makes `docs/health.md` from the thresholds that the controller judges by."""

from pathlib import Path

from pcs.runtime import health
from pcs.runtime.health import Threshold

TARGET = Path(__file__).parents[2] / "docs" / "health.md"
FIGURES = {  # what each threshold is about, and how its numbers are written
    "success": ("share of requests answered", "{:.0%}"),
    "slow": ("95th percentile of reply time over deadline", "{:.0%}"),
    "silent": ("time since the last good reply", "{:g} s"),
    "reconnects": ("connections lost", "{:g}"),
    "quarantines": ("quarantines of a serial bus", "{:g}"),
    "event loop lag": ("99th percentile of how late the event loop wakes up", "{:g} s"),
    "step time": ("99th percentile of a step", "{:g} s"),
}

HEAD = f"""# Health

<!-- Generated from pcs/runtime/health.py by tests/docs/health.py. Do not edit. -->

How well the parts work that control rests on. `pcs status` shows, for each link, the share of requests that were
answered, repetitions, time-outs, quarantines, reconnects, the age of the last good reply (of each unit too) and
percentiles of the reply time; and for the controller itself how late its event loop is and how long a step takes. The
journal gets the same figures every {health.JOURNAL_S / 60:g} minutes.

Percentiles come from fixed buckets, each 26 % wide, and are upper bounds. Success, slowness, reconnects, quarantines,
lag and step time are judged over the last minute. A silence is one alarm, not four: the minute begins anew behind it.

An **alarm** is a word to a person and an event in the journal (`alarm raised`, `alarm cleared`). It never changes what
the controller does: that is the [fail-safe table](fail-safe.md)'s business. Between its two edges an alarm stays.

| alarm | figure | raised beyond | cleared at | why there |
|---|---|---|---|---|
"""


def thresholds() -> list[Threshold]:
    """Every threshold of the module, in its order."""
    return [one for one in vars(health).values() if isinstance(one, Threshold)]


def generate() -> str:
    """The whole page."""
    return HEAD + "".join(_row(one) for one in thresholds())


def _row(one: Threshold) -> str:
    figure, form = FIGURES[one.name]
    return (
        f"| {one.name} | {figure} | {form.format(one.raised_value)} | {form.format(one.cleared_value)} | {one.why} |\n"
    )


if __name__ == "__main__":
    TARGET.write_text(generate(), encoding="utf-8")
