"""`pcs run SITE.yaml`: control the site until told to stop."""

import asyncio
import errno
import logging
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from pcs import __version__
from pcs.cli.exits import Exit
from pcs.cli.logs import set_up
from pcs.cli.words import Words
from pcs.codec.origin import Origin, source_file
from pcs.config import load_site
from pcs.config.profiles import profile_folder
from pcs.config.review import warnings
from pcs.core.line_state import at_start
from pcs.core.policy import policy_for
from pcs.io.clock import SystemClock, WatchedTime
from pcs.io.control_socket import ControlSocket
from pcs.io.der_lock import DerInUseError, DerLocks
from pcs.io.dirlock import JournalInUseError
from pcs.io.journal_sqlite import SqliteJournal
from pcs.io.links import link_for
from pcs.io.lockout_file import LockoutFile
from pcs.io.notify import Notifier
from pcs.io.starts import Starts
from pcs.io.trace import MOST_BYTES, FrameTrace, TracedLink
from pcs.io.watchdog import WatchdogDevice, Watchdogs
from pcs.model.event import Event
from pcs.model.lockout import Who
from pcs.model.site import LinkAddress, Site
from pcs.ports import Link, Watchdog
from pcs.runtime.checkpoint import VOCABULARY
from pcs.runtime.controller import Controller, World
from pcs.runtime.pollers import WrongDeviceError
from pcs.runtime.status import unprotected

log = logging.getLogger("pcs")


@click.command("run", short_help="Control a site.")
@click.argument("site_file", type=click.Path(path_type=Path), metavar="SITE.yaml")
@click.option(
    "--duration", "duration_s", type=click.FloatRange(min=0), metavar="SECONDS", help="Stop by itself after this time."
)
@click.option(
    "--release",
    "released",
    multiple=True,
    metavar="DER",
    help="Installer only: the limit found on this DER may be raised, whoever set it.",
)
@click.option(
    "--trace",
    "trace_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help=f"Keep the last {MOST_BYTES // 1_000_000} MB of frames on the wire, for `pcs dissect`.",
)
@click.option(
    "--watchdog",
    "watchdog_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="DEVICE",
    help="Feed this watchdog of the kernel, too; only where systemd does not (docs/supervisor.md).",
)
@click.option("--json", "as_json", is_flag=True, help="Log as JSON lines; the same as --log-format json.")
@click.pass_context
def command(
    context: click.Context,
    site_file: Path,
    duration_s: float | None,
    released: tuple[str, ...],
    trace_file: Path | None,
    watchdog_file: Path | None,
    as_json: bool,
) -> Exit:
    """Control the site of SITE.yaml: hold its limits, measure the responses, keep the journal.

    Stops on SIGTERM and SIGINT, and leaves every DER at its share of the safe set.
    """
    if as_json:
        set_up(verbose=context.find_root().meta.get("pcs.verbose", False), log_format="json")
    site = load_site(site_file)
    unknown = sorted(set(released) - {d.id for d in site.ders if d.controlled})
    if unknown:
        raise click.BadParameter(
            f"{', '.join(unknown)}: no controlled DER of that name in {site_file}", param_hint="--release"
        )
    trace = _open_trace(trace_file)
    watchdogs = Watchdogs(Notifier(), _open_watchdog(watchdog_file))
    orderly = False
    for line in start_page(site, site_file):
        log.info("%s", line)
    try:
        asyncio.run(_run(site, duration_s, frozenset(released), trace, origin_of(site, site_file), watchdogs))
        orderly = True
    except (JournalInUseError, DerInUseError) as trouble:
        orderly = True
        click.echo(f"pcs: {trouble}", err=True)
        return Exit.LINK
    except WrongDeviceError as trouble:
        orderly = True
        click.echo(f"pcs: {trouble}", err=True)
        click.echo("pcs: check the address and the profile in the site file; it was never commanded", err=True)
        return Exit.LINK
    finally:
        watchdogs.close(orderly=orderly)
        if trace is not None:
            trace.close()
    return Exit.DONE


def _open_watchdog(watchdog_file: Path | None) -> WatchdogDevice | None:
    if watchdog_file is None:
        return None
    try:
        return WatchdogDevice(watchdog_file)
    except OSError as error:
        hint = "; systemd has it if RuntimeWatchdogSec is set" if error.errno == errno.EBUSY else ""
        raise click.BadParameter(f"{watchdog_file}: {error.strerror or error}{hint}", param_hint="--watchdog") from None


def _open_trace(trace_file: Path | None) -> FrameTrace | None:
    if trace_file is None:
        return None
    try:
        return FrameTrace(trace_file, SystemClock().now(), say=log.warning)
    except OSError as error:
        raise click.BadParameter(f"{trace_file}: {error.strerror or error}", param_hint="--trace") from None


async def _run(
    site: Site,
    duration_s: float | None,
    released: frozenset[str],
    trace: FrameTrace | None,
    origin: Origin,
    watchdog: Watchdog,
) -> None:
    clock = SystemClock()
    journal = SqliteJournal(Path(site.journal_dir), clock, origin=origin)
    locks: DerLocks | None = None
    lockouts: LockoutFile | None = None
    try:
        locks = DerLocks(der for der in site.ders if der.controlled)
        lockouts = LockoutFile(Path(site.journal_dir))
        starts = Starts(Path(site.journal_dir))
        storm = starts.begin(clock.now().utc_s).storm
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if duration_s is not None:
            loop.call_later(duration_s, stop.set)

        def link(address: LinkAddress) -> Link:
            plain = link_for(site, address, tap=None if trace is None else trace.tap(address))
            return plain if trace is None else TracedLink(plain, address, trace)

        controller = Controller(
            site,
            World(
                clock=clock,
                journal=journal,
                link=link,
                on_event=teller(),
                time_trust=WatchedTime(),
                released=released,
                watchdog=watchdog,
                storm=storm,
                lockouts=lockouts,
            ),
        )

        answers = {"status": controller.status, "explain": controller.explain}

        def answer(question: str) -> dict[str, object]:
            what, _, who = question.partition(" ")
            if what == "reset-lockout" and who in {one.value for one in Who}:
                return controller.reset_lockout(Who(who))
            return answers[question]() if question in answers else {"error": f"no such question: {question}"}

        async with ControlSocket(Path(site.journal_dir), answer):
            await controller.run(stop)
        starts.ended()
    finally:
        if lockouts is not None:
            lockouts.close()
        if locks is not None:
            locks.release()
        journal.close()


def origin_of(site: Site, site_file: Path) -> Origin:
    """What this run comes from: the program, the site file and the profiles of its devices, as texts with digests."""
    used = {m.profile.id for m in site.meters} | {d.profile.id for d in site.ders if d.profile is not None}
    paths = [(site_file.name, site_file), *((f"{one}.yaml", profile_folder() / f"{one}.yaml") for one in sorted(used))]
    if site.preset.figures:
        name = f"presets/{site.preset.id}.yaml"
        paths.append((name, profile_folder() / name))
    files = tuple(source_file(name, path.read_bytes()) for name, path in paths)
    return Origin(program=__version__, files=files, table=VOCABULARY.table)


def start_page(site: Site, site_file: Path) -> Iterator[str]:
    """What is about to be controlled, what does not protect it, and where to look; before any device is asked."""
    policy = policy_for(site)
    yield f"openpcs {__version__} controls {site.name} (configuration {site.digest[:16]})"
    for line, bounded, _ in at_start(policy):
        margin_w, within_s = bounded.margin.total_w, line.limit.correct_within_s
        yield f"  {line.name}: the flow stays {margin_w:.0f} W below it; corrected within {within_s:g} s"
    ders = ", ".join(f"{d.id} {d.nameplate_w:g} W" + ("" if d.controlled else " (not controlled)") for d in site.ders)
    exports_w = [w for line, _, w in at_start(policy) if line.sign > 0.0 and w is not None]
    yield f"  DERs: {ders}" + (f"; without a meter together at most {min(exports_w):g} W" if exports_w else "")
    yield f"  in this version: {', '.join(unprotected(site))}"
    yield from (f"  note: {warning}" for warning in warnings(site))
    yield f"  journal: {site.journal_dir}; ask with `pcs status {site_file}`; stop with Ctrl-C or SIGTERM"


def teller() -> Callable[[Event], None]:
    """Says every event in the log."""
    words = Words()

    def tell(event: Event) -> None:
        level, text = words.sentence(event)
        log.log(level, "%s", text)

    return tell
