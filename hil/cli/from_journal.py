"""`hil twin --from-journal DIR`: the files of a twin that replays what a controller kept."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from hil.record.field_journal import JournalError

EXIT_USAGE = 2


def from_journal(journal: Path, *, at: str | None, stretch_s: float, site: Path | None, out: Path) -> None:
    """Write twin and records into a folder, and say what they do not know. Exit code 2 where it cannot be done."""
    from hil.rig.journal_twin import TWIN_FILE, replay_of  # numpy: not for a twin that is only served

    try:
        site_text = site.read_text(encoding="utf-8") if site is not None else None
        replay = replay_of(journal, at_utc_s=_instant(at), stretch_s=stretch_s, site_text=site_text)
        out.mkdir(parents=True, exist_ok=True)
        for name, text in replay.files.items():
            (out / name).write_text(text, encoding="utf-8")
    except JournalError as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_USAGE)
    except (OSError, UnicodeDecodeError) as error:
        click.echo(f"cannot be read or written: {error}", err=True)
        sys.exit(EXIT_USAGE)
    for note in replay.notes:
        click.echo(f"  {note}")
    click.echo(f"{out / TWIN_FILE}: hil twin {out / TWIN_FILE} --write-site SITE.yaml")


def _instant(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text} is no instant", param_hint="--at") from None
    return (instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)).timestamp()
