"""`hil twin`: serve a simulated site over Modbus until told to stop."""

import asyncio
import signal
from contextlib import ExitStack, suppress
from pathlib import Path
from selectors import SelectSelector  # it keeps time to 0.1 ms, epoll to 1 ms: a paced line needs that
from typing import Any, TextIO

import click

from hil.cli.from_journal import from_journal
from hil.rig.simulated import SimulatedSite
from hil.rig.site_file import TruthWriter, site_file
from hil.rig.twin_load import load_twin


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--write-site", type=click.Path(path_type=Path), help="Write the matching site file here.")
@click.option(
    "--duration", "duration_s", type=click.FloatRange(min=0, min_open=True), help="Stop after so many seconds."
)
@click.option("--record", type=click.Path(path_type=Path), help="Write what really happens here, as CSV.")
@click.option("--from-journal", "journal", type=click.Path(path_type=Path), help="Make a twin of this field journal.")
@click.option("--at", help="The instant to replay, UTC (2026-05-28T20:27:00); left out: the worst excursion.")
@click.option("--minutes", type=click.FloatRange(min=0.1, max=300), default=10.0, show_default=True, help="Around it.")
@click.option("--site", type=click.Path(path_type=Path), help="The site file, where the journal does not carry it.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("replay"), show_default=True, help="Its folder.")
def twin(
    file: Path | None,
    write_site: Path | None,
    duration_s: float | None,
    record: Path | None,
    journal: Path | None,
    **replay: Any,
) -> None:
    """Serve the simulated site that FILE describes, until the duration is over or SIGTERM or SIGINT comes.

    With --from-journal DIR, write the twin that replays what a controller kept there, into a folder, and serve nothing.
    """
    if (file is None) == (journal is None):
        raise click.UsageError("give a twin file, or --from-journal DIR")
    if journal is not None:
        from_journal(journal, stretch_s=60.0 * replay.pop("minutes"), **replay)
        return
    assert file is not None
    description = load_twin(file)
    site = SimulatedSite(description, file.parent)
    with ExitStack() as stack:
        writer = None
        if record is not None:
            writer = TruthWriter(site, stack.enter_context(_open(record)))
            site.on_tick = writer.write
        site_out = stack.enter_context(_open(write_site)) if write_site is not None else None
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(SelectSelector())) as runner:
            runner.run(_serve(site, site_out, duration_s))
        if writer is not None:
            writer.write(final=True)
    _say("stopped")


def _open(path: Path) -> TextIO:
    """Open a file to write, before anything is served: a wrong path is said at once, as a mistake of usage."""
    try:
        return path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise click.FileError(str(path), error.strerror) from None


async def _serve(site: SimulatedSite, site_out: TextIO | None, duration_s: float | None) -> None:
    told_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told_to_stop.set)
    await site.start()
    try:
        if site_out is not None:
            site_out.write(site_file(site))
            site_out.flush()
        for name, server in site.servers.items():
            _say(f"{name} {server.bus.link} unit {server.unit}")
        _say("serving")
        with suppress(TimeoutError):
            async with asyncio.timeout(duration_s):
                await told_to_stop.wait()
    finally:
        await site.stop()


def _say(line: str) -> None:
    """One line on stdout, at once: others wait for it."""
    print(line, flush=True)
