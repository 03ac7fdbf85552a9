"""`hil compare`: two campaigns side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hil.cli.profiles import with_json

if TYPE_CHECKING:
    from hil.verdict.compare import Pair, Row
    from hil.verdict.model import CampaignResult

PATH = click.Path(path_type=Path, exists=True)


@click.command()
@click.argument("a", type=PATH)
@click.argument("b", type=PATH)
@with_json
def compare(a: Path, b: Path, as_json: bool) -> None:
    """Compare the results of two campaigns (folders or bundles): verdicts, greatest and average time.

    A difference is marked with * where it is larger than its uncertainty. Exit codes: 0, or 2 for wrong usage.
    """
    from hil.cli.judge import dumped
    from hil.verdict.compare import compare as compared

    rows = compared(_results(a), _results(b))
    if as_json:
        click.echo(dumped([_plain(row) for row in rows]))
        return
    click.echo(f"A {a}\nB {b}\n* larger than its uncertainty (95 %)")
    for row in rows:
        click.echo("\n".join(_lines(row)))
    changed = sum(1 for row in rows if row.a is not row.b)
    real = sum(1 for row in rows if row.maximum.is_real or row.mean.is_real)
    click.echo(f"{len(rows)} cases: {changed} with another verdict, {real} with a time that differs for sure")


def _results(path: Path) -> "CampaignResult":
    from hil.cli.judged import opened, read_results
    from hil.record.recording import RecordingError

    try:
        with opened(path) as folder:
            return read_results(folder)
    except RecordingError as error:
        raise click.ClickException(str(error)) from None


def _lines(row: "Row") -> list[str]:
    verdicts = " -> ".join(verdict.value if verdict else "not there" for verdict in (row.a, row.b))
    lines = [f"{row.id}: {verdicts}" + (f" ({row.note})" if row.note else "")]
    if row.measure is not None:
        for name, pair in (("maximum", row.maximum), ("average", row.mean)):
            lines.append(f"    {name} {row.measure.value:<20}{_pair(pair)}")
    return lines


def _pair(pair: "Pair") -> str:
    sides = [f"{each.value:.4g} ± {each.u95_value:.2g}" if each else "-" for each in (pair.a, pair.b)]
    said = f"{sides[0]:<18} {sides[1]:<18}"
    if pair.difference_value is None or pair.u95_value is None:
        return said.rstrip()
    return f"{said} {pair.difference_value:+.3g} ± {pair.u95_value:.2g}{' *' if pair.is_real else ''}"


def _plain(row: "Row") -> dict[str, Any]:
    from hil.record.codec import to_plain

    plain: dict[str, Any] = to_plain(row)
    return plain
