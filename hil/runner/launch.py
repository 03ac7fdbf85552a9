"""Starts a campaign, or goes on with one: locks, journal, feed and crew around the conductor."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from hil.record.folder import read_campaign, write_campaign
from hil.record.model import Campaign
from hil.runner.bench import bench_maker
from hil.runner.campaign import Conductor, Summary, Tell
from hil.runner.crew import Crew
from hil.runner.feed import Feed
from hil.runner.journal import JOURNAL_SCHEMA, RESUME, START, BadJournalError, Entry, Journal, read_journal
from hil.runner.lock import acquire, lock_files
from hil.runner.play import utc_text
from hil.runner.room import FreeBytes, free_bytes
from hil.runner.start import changes, versions
from hil.runner.stop import Stop


class ChangedError(Exception):
    """Something is not as it was when the campaign was started; each thing is named."""


class NotSafeError(Exception):
    """The rig's safe state could not be reached before the campaign went on."""


class JobsError(Exception):
    """Only a rig that lives on virtual time can be played by several processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a campaign is played; what it is made of is the `Campaign`. `bench` is `module:function`."""

    bench: str
    jobs: int = 1
    tell: Tell = lambda progress, order, ended: None
    feed_to: IO[str] | None = None
    free: FreeBytes = free_bytes


def start(folder: Path, campaign: Campaign, how: How) -> Summary:
    """Begin a campaign in a new folder and play it to its end.

    Raises:
        RecordingError: there is a campaign in the folder already.
        LockedError: the folder or the rig is in use.
        JobsError, BadFileError, RigError, OSError: nothing was energised.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return _play(folder, campaign, how, Path.cwd(), is_new=True)


def resume(folder: Path, how: How, *, anyway: bool = False) -> Summary:
    """Go on with a campaign: its safe state first, then what is missing.

    `how.bench` may be empty and `how.jobs` zero: as at the start. `anyway`: also where files or versions have changed.

    Raises:
        ChangedError: they have; everything is named.
        NotSafeError: the safe state was not reached; nothing was energised.
        RecordingError, BadJournalError, LockedError, JobsError, BadFileError, RigError, OSError: as `start`.
    """
    campaign = read_campaign(folder)
    entries = read_journal(folder) if (folder / "journal.jsonl").exists() else []
    first = next((entry for entry in entries if entry.kind == START), None)
    if first is None:  # killed between campaign.json and the first line: nothing was played
        first = Entry(utc=campaign.started_utc, kind=START, base=str(Path.cwd()), bench=how.bench, jobs=1)
    base = Path(first.base)
    found = changes(campaign, base, versions())
    if found and not anyway:
        raise ChangedError("\n".join(found))
    how = How(
        bench=how.bench or first.bench,
        jobs=how.jobs or first.jobs,
        tell=how.tell,
        feed_to=how.feed_to,
        free=how.free,
    )
    return _play(folder, campaign, how, base, is_new=False, note="; ".join(found))


def _play(folder: Path, campaign: Campaign, how: How, base: Path, *, is_new: bool, note: str = "") -> Summary:
    rig_file = base / campaign.rig_file
    bench = bench_maker(how.bench)(rig_file)
    if how.jobs > 1 and not bench.is_virtual:
        raise JobsError(f"{bench.sheet.id} is one bench in one place: it is played by one process (--jobs 1)")
    locks = acquire(lock_files(folder, bench.sheet, is_private=bench.is_virtual), folder)
    try:
        if is_new:
            write_campaign(folder, campaign)
        journal, feed, stop = Journal(folder), Feed(folder, also=how.feed_to), Stop()
        conductor = Conductor(
            folder=folder,
            bench=bench,
            cases=tuple(case for case in campaign.cases if case.id not in campaign.lacks),
            journal=journal,
            feed=feed,
            stop=stop,
            tell=how.tell,
            free=how.free,
            jobs=how.jobs,
            make_crew=partial(Crew, how.jobs, folder, rig_file, how.bench, locks.fds) if how.jobs > 1 else None,
        )
        try:
            kind = START if is_new else RESUME
            said = Entry(utc=utc_text(), kind=kind, note=note, base=str(base), bench=how.bench, jobs=how.jobs)
            journal.append(_with_schema(said) if not journal.entries else said)
            with stop.listening():
                if not is_new and (failed := conductor.safe_first()):
                    raise NotSafeError(failed)
                return conductor.play()
        finally:
            journal.close()
            feed.close()
    finally:
        locks.release()


def _with_schema(entry: Entry) -> Entry:
    """The first line of a journal says what it is, and is the one that a later `resume` reads its folder from."""
    return Entry(
        utc=entry.utc,
        kind=START,
        schema=JOURNAL_SCHEMA,
        note=entry.note,
        base=entry.base,
        bench=entry.bench,
        jobs=entry.jobs,
    )


__all__ = ["BadJournalError", "ChangedError", "How", "JobsError", "NotSafeError", "resume", "start"]
