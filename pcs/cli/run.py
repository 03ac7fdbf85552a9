"""`pcs run SITE.yaml`: control the site until told to stop."""

import asyncio
import logging
import signal
from pathlib import Path

import click

from pcs.cli.exits import Exit
from pcs.config import load_site
from pcs.io.clock import SystemClock
from pcs.io.control_socket import ControlSocket
from pcs.io.dirlock import JournalInUseError
from pcs.io.journal_sqlite import SqliteJournal
from pcs.io.modbus_tcp import ModbusTcpLink
from pcs.model.event import Event
from pcs.model.site import Site
from pcs.runtime.controller import Controller, World
from pcs.runtime.pollers import WrongDeviceError

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
def command(site_file: Path, duration_s: float | None, released: tuple[str, ...]) -> Exit:
    """Control the site of SITE.yaml: hold its limits, measure the responses, keep the journal.

    Stops on SIGTERM and SIGINT, and leaves every DER at its share of the safe set.
    """
    site = load_site(site_file)
    unknown = sorted(set(released) - {d.id for d in site.ders if d.controlled})
    if unknown:
        raise click.BadParameter(
            f"{', '.join(unknown)}: no controlled DER of that name in {site_file}", param_hint="--release"
        )
    try:
        asyncio.run(_run(site, duration_s, frozenset(released)))
    except JournalInUseError as trouble:
        click.echo(f"pcs: {trouble}", err=True)
        return Exit.LINK
    except WrongDeviceError as trouble:
        click.echo(f"pcs: {trouble}", err=True)
        click.echo("pcs: check the address and the profile in the site file; it was never commanded", err=True)
        return Exit.LINK
    return Exit.DONE


async def _run(site: Site, duration_s: float | None, released: frozenset[str]) -> None:
    clock = SystemClock()
    journal = SqliteJournal(Path(site.journal_dir), clock)
    try:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if duration_s is not None:
            loop.call_later(duration_s, stop.set)
        controller = Controller(
            site, World(clock=clock, journal=journal, link=ModbusTcpLink, on_event=_say, released=released)
        )

        def answer(question: str) -> dict[str, object]:
            return controller.status() if question == "status" else {"error": f"no such question: {question}"}

        async with ControlSocket(Path(site.journal_dir), answer):
            await controller.run(stop)
    finally:
        journal.close()


def _say(event: Event) -> None:
    log.info("%s %s%s", event.kind.value, f"{event.source_id} " if event.source_id else "", event.text)
