"""`pcs supervise SITE.yaml`: the hard-limit supervisor, a process of its own beside `pcs run`."""

import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import click

from pcs.cli.exits import Exit
from pcs.config import ConfigError, Problem, load_site
from pcs.io.dirlock import SUPERVISOR_LOCK_NAME, DirectoryLock, JournalInUseError, holder
from pcs.io.notify import Notifier
from pcs.model.site import Site
from pcs.model.supervisor import SupervisorSpec
from pcs.supervisor.build import relay_of, sensor_of
from pcs.supervisor.decide import drops_s, initial, latched, mismatch_after_s
from pcs.supervisor.loop import Supervisor, Wishes, program_digest, system_time
from pcs.supervisor.memory import Memory
from pcs.supervisor.relay import RelayMissingError
from pcs.supervisor.state import Decision, Mode, News

log = logging.getLogger("pcs")
OUTCOMES = ("trip test passed", "trip test unproven", "trip test refused", "WELDED")
REARM_WITHIN_S = 3.0
STATUS_EVERY_S = 5.0
FEED_S = 1.0
"""As often as systemd's watchdog is fed; its unit gives it 5 s."""
CLOSES_WITHIN_S = 60.0
"""How long a trip test waits for data that are good enough to close the relay first."""


@click.command("supervise", short_help="Open a relay when the limits of a site are not held.")
@click.argument("site_file", type=click.Path(path_type=Path), metavar="SITE.yaml")
@click.option("--trip-test", is_flag=True, help="Open the relay, see that its contact opens, close it again.")
@click.option("--rearm", is_flag=True, help="End a trip; the relay closes when the data are good.")
@click.option("--status", "status_only", is_flag=True, help="Say whether it runs and whether it has tripped.")
def command(site_file: Path, trip_test: bool, rearm: bool, status_only: bool) -> Exit:
    """Watch the flow of SITE.yaml with eyes of its own and open a relay when the limit is not held in time.

    Runs until SIGTERM or SIGINT; the relay opens when it ends, however it ends. With --trip-test or --rearm the
    running supervisor is asked; if none runs, this one does it and ends.
    """
    site = load_site(site_file)
    spec = site.supervisor
    if spec is None:
        what = "there is no supervisor block, and so no relay to feed"
        raise ConfigError([Problem(file=str(site_file), line=None, path="supervisor", what=what)])
    folder = Path(site.journal_dir)
    folder.mkdir(parents=True, exist_ok=True)
    running = holder(folder, SUPERVISOR_LOCK_NAME)
    if status_only:
        return _status(folder, spec, running)
    if rearm:
        return _rearm(folder, spec, running)
    if trip_test and running:
        return _test_running(folder, spec, running)
    try:
        lock = DirectoryLock(folder, SUPERVISOR_LOCK_NAME, "supervisor")
    except JournalInUseError as trouble:
        click.echo(f"pcs: {trouble}", err=True)
        return Exit.LINK
    try:
        return _run(site, spec, trip_test=trip_test)
    except RelayMissingError as trouble:
        click.echo(f"pcs: {trouble}", err=True)
        return Exit.LINK
    finally:
        lock.release()


def _run(site: Site, spec: SupervisorSpec, *, trip_test: bool) -> Exit:
    relay = relay_of(spec)
    try:
        sensor = sensor_of(spec)
    except OSError as error:
        click.echo(f"pcs: the supervisor's sensing: {error.strerror or error}; the relay stays open", err=True)
        return Exit.LINK
    wishes, notifier = Wishes(), Notifier()
    _listen(wishes)
    log.info("supervisor of %s, program %s", site.name, program_digest()[:16])
    supervisor = Supervisor(
        spec, sensor, relay, Memory(Path(site.journal_dir)), on_news=_say, on_tick=_teller(notifier)
    )
    notifier.ready(supervisor.words(system_time()))
    try:
        if trip_test:
            return _test_here(supervisor, wishes)
        supervisor.run(wishes)
    finally:
        notifier.stopping()
        notifier.close()
    return Exit.DONE


def _listen(wishes: Wishes) -> None:
    def wish(name: str) -> Callable[..., None]:
        return lambda *_: setattr(wishes, name, True)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, wish("stop"))
    signal.signal(signal.SIGUSR1, wish("rearm"))
    signal.signal(signal.SIGUSR2, wish("test"))


def _say(news: News) -> None:
    level = logging.INFO if news.what[0].islower() else logging.WARNING  # trips are named in capitals
    log.log(level, "supervisor: %s: %s", news.what, news.text)


def _teller(notifier: Notifier) -> Callable[[Supervisor], None]:
    """Feeds systemd's watchdog after whole ticks, and tells the state when it is new or some seconds old."""
    fed_s, told_s, told_mode = float("-inf"), float("-inf"), None

    def tell(supervisor: Supervisor) -> None:
        nonlocal fed_s, told_s, told_mode
        now, mode = system_time(), supervisor.state.mode
        if now.mono_s - fed_s >= FEED_S:
            fed_s = now.mono_s
            notifier.feed()
        if mode is not told_mode or now.mono_s - told_s > STATUS_EVERY_S:
            told_s, told_mode = now.mono_s, mode
            notifier.status(supervisor.words(now))

    return tell


def _status(folder: Path, spec: SupervisorSpec, running: int | None) -> Exit:
    now = system_time()
    kept = Memory(folder).load(now)
    state = latched(spec, now, kept)
    runs = "does not run: the relay is open" if running is None else f"runs as process {running}"
    latch = "not tripped" if state.reason is None else f"TRIPPED: {state.reason.value}: {state.detail}"
    click.echo(f"supervisor {runs}; {latch}; sensing: {spec.sensing}; program {program_digest()[:16]}")
    return Exit.DONE if state.reason is None else Exit.VERDICT


def _rearm(folder: Path, spec: SupervisorSpec, running: int | None) -> Exit:
    memory, now = Memory(folder), system_time()
    if running:
        before = len(memory.lines())
        os.kill(running, signal.SIGUSR1)
        for line in _news(memory, before, REARM_WITHIN_S):
            if line["what"] == "re-armed":
                click.echo(line["text"])
                return Exit.DONE
        click.echo("not tripped, or it does not answer", err=True)
        return Exit.VERDICT
    memory.save(initial(spec, now))
    memory.tell(News(what="re-armed", text="by a person, while no supervisor runs"), now)
    click.echo("re-armed; no supervisor runs")
    return Exit.DONE


def _test_running(folder: Path, spec: SupervisorSpec, running: int) -> Exit:
    memory = Memory(folder)
    before = len(memory.lines())
    os.kill(running, signal.SIGUSR2)
    for line in _news(memory, before, mismatch_after_s(spec) + REARM_WITHIN_S):
        if line["what"] in OUTCOMES:
            return _outcome(str(line["what"]), str(line["text"]))
    click.echo("no trip test: the relay is not closed (pcs supervise SITE.yaml --status says why)", err=True)
    return Exit.VERDICT


def _test_here(supervisor: Supervisor, wishes: Wishes) -> Exit:
    """Wait until the relay is closed, ask for the test, and end with its outcome; the relay opens with us."""
    found: list[News] = []
    until_s = time.monotonic() + CLOSES_WITHIN_S

    def over(decision: Decision) -> bool:
        found.extend(news for news in decision.news if news.what in OUTCOMES)
        state, now_s = supervisor.state, time.monotonic()
        closed = (
            state.mode is Mode.CLOSED and state.mismatch_s is None and now_s - state.since_s > drops_s(supervisor.spec)
        )
        wishes.test = closed and not found
        return bool(found) or state.mode is Mode.TRIPPED or now_s > until_s

    supervisor.run(wishes, over)
    if found:
        return _outcome(found[-1].what, found[-1].text)
    click.echo(f"no trip test: {supervisor.words(system_time())}", err=True)
    return Exit.VERDICT


def _outcome(what: str, text: str) -> Exit:
    click.echo(f"{what}: {text}")
    return Exit.DONE if what == "trip test passed" else Exit.VERDICT


def _news(memory: Memory, before: int, within_s: float) -> list[dict[str, object]]:
    """The lines that come after the first `before` ones, until one of them ends what was asked, or time is over."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        fresh = memory.lines()[before:]
        if any(line["what"] in (*OUTCOMES, "re-armed") for line in fresh):
            return fresh
        time.sleep(0.05)
    return memory.lines()[before:]
