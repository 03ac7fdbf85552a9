"""`pcs explain --step`: where the time of one measured response went, as a small waterfall."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from pcs.cli.exits import Exit
from pcs.codec.journal import BadLineError, UnknownVersionError
from pcs.io.journal_read import OtherSchemaError, UnreadableError
from pcs.runtime.measured_steps import NoStepError, explain_step

BAR = 32
"""Width of the picture, in characters."""


def tell(directory: Path, step: str, as_json: bool) -> Exit:
    """Print the waterfall of response `step` ("last", or its number) from the journal in a directory.

    Raises:
        click.UsageError: there is no such response.
    """
    if step != "last" and not step.isdecimal():
        raise click.UsageError(f"--step {step}: write the number of a response, from 1, or `last`: `--step last`")
    try:
        found = explain_step(directory, None if step == "last" else int(step))
    except (NoStepError, OtherSchemaError) as error:
        raise click.UsageError(str(error)) from None
    except (UnreadableError, BadLineError, UnknownVersionError) as error:
        click.echo(f"{error}; `pcs journal verify {directory}` names what is damaged", err=True)
        return Exit.VERDICT
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(page(found)))
    return Exit.DONE


def page(found: Mapping[str, Any]) -> Iterator[str]:
    """The waterfall for people: each part begins where the one before it ended."""
    when = datetime.fromtimestamp(found["utc_s"], UTC)
    yield (
        f"response {found['number']} of {found['of']}, complete at {when:%Y-%m-%d %H:%M:%S} UTC: {found['way']} "
        f"after a {found['kind']} step of {found['step_w']:+,.0f} W, {found['line']}"
    )
    lo_s, hi_s = found["step_between_s"]
    yield (
        f"judged {found['judged_s']:.2f} s, self-measured: 90 % after {found['olrt_s']:.2f} s "
        f"({found['olrt_lo_s']:.2f} to {found['olrt_hi_s']:.2f} s); the step is known to {hi_s - lo_s:.2f} s"
    )
    if not found["parts"]:
        yield "the journal has no meter samples of it, so its time cannot be parted"
        return
    wide = max(len(part["name"]) for part in found["parts"])
    begin_s = 0.0
    for part in found["parts"]:
        bar = _bar(begin_s, part["took_s"], found["judged_s"])
        between = "{:.3f} to {:.3f} s".format(*part["between_s"])
        note = "" if part["separable"] else "not separable: "
        yield f"  {part['name']:<{wide}} |{bar}| {part['took_s']:6.3f} s  {between:<17}  {note}{part['how']}"
        begin_s += part["took_s"]
    yield f"  {'together':<{wide}}  {' ' * BAR}  {found['sum_s']:6.3f} s"


def _bar(begin_s: float, took_s: float, whole_s: float) -> str:
    """One part on its way; what is too short for a mark is a dot, so that no part is lost."""
    if whole_s <= 0.0:
        return " " * BAR
    first = min(BAR - 1, round(BAR * begin_s / whole_s))
    last = min(BAR, round(BAR * (begin_s + took_s) / whole_s))
    return (" " * first + ("#" * (last - first) or ".")).ljust(BAR)
