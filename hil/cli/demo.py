"""`hil demo`: a simulated site and the controller that holds its export limit, as two processes, with a live table."""

import contextlib
import json
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import click

from hil.cli import demo_site
from hil.cli.demo_promise import Promise, read_promises
from hil.cli.demo_site import Child, DemoError
from hil.cli.demo_summary import Evidence, broken_promises, summary
from hil.cli.demo_truth import read_truth

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

ASK_EVERY_S = 0.25
LINE_EVERY_S = 5.0
STARTS_WITHIN_S = 20.0  # the controller answers about a second after its call; a busy gateway takes several
KEPT_WORDS = 5  # of the controller's log beside each recorded status: what the page shows
EXIT_NOT_HELD = 1
EXIT_INTERRUPTED = 130
Show = Callable[["dict[str, Any] | None", float, list[str]], None]


@click.command()
@click.option(
    "--seconds",
    "duration_s",
    type=click.FloatRange(min=10, max=3600),
    default=None,
    help="How long it runs; by default as long as the site has something to show.",
)
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-run"),
    show_default=True,
    help="Folder of the run; made anew.",
)
@click.option(
    "--site",
    type=click.Choice(sorted(demo_site.SITES)),
    default="wye",
    show_default=True,
    help="pv: two inverters; wye: PV, battery and charger with three limits; split: PV and battery of a house.",
)
def demo(duration_s: float | None, folder: Path, site: str) -> None:
    """Show a site and its controller at work: a real record of sun, loads that step, and limits to hold.

    Exit code 0 when every limit was held as promised, 1 when not.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        raise SystemExit(run(folder, demo_site.SITES[site], duration_s))
    except DemoError as trouble:
        click.echo(f"hil demo: {trouble}", err=True)
        raise SystemExit(trouble.exit_code) from None
    except KeyboardInterrupt:
        click.echo("\nhil demo: interrupted; both processes have ended and the inverters were left safe", err=True)
        raise SystemExit(EXIT_INTERRUPTED) from None


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def run(folder: Path, site: demo_site.DemoSite, seconds_s: float | None = None) -> int:
    """One demonstration of a site; returns the exit code.

    Raises:
        DemoError: it cannot be shown.
    """
    from rich.console import Console

    console = Console(highlight=False)
    duration_s = seconds_s if seconds_s is not None else site.shows_s
    where = demo_site.fresh_folder(folder, site)
    with demo_site.twin(where, duration_s) as twin:
        demo_site.wait_until_serving(twin, where)
        zero_s = time.monotonic()
        with demo_site.controller(where, duration_s) as controller, (where / "status.jsonl").open("w") as record:
            called_s = time.monotonic() - zero_s
            with _shown(console, duration_s, controller) as show:
                status = _watch(where, twin, controller, zero_s, duration_s, show, record.write)
            stopped_s = time.monotonic() - zero_s
            code = controller.end()
    if code:
        raise controller.ended_early()
    promises = read_promises(where / "site.yaml")
    evidence = Evidence(
        rows=read_truth(where / "truth.csv"),
        status=status,
        control_s=(called_s, stopped_s),
        tolerance_w=status["excursions"]["tolerance_w"],
    )
    console.print()
    lines = (*summary(evidence, promises, folder), *_plotted(evidence, promises, where, folder))
    if console.is_terminal:
        console.print(_table(lines))
    else:
        click.echo("\n".join(f"{heading:12}  {words}" for heading, words in lines))
    return EXIT_NOT_HELD if any(broken_promises(evidence, promise) for promise in promises) else 0


def _plotted(evidence: Evidence, promises: list[Promise], where: Path, folder: Path) -> Iterator[tuple[str, str]]:
    """The picture of the run, where matplotlib is installed; named as `folder` was."""
    try:
        from hil.cli import demo_plot
    except ImportError:
        yield "Picture", "none: matplotlib is not installed (pip install 'openpcs[hil]')"
        return
    demo_plot.draw(evidence.rows, promises, where / "demo.png", evidence.control_s[0])
    yield "Picture", f"{folder / 'demo.png'}: each DER, each limit and its flow"


def _table(lines: Iterable[tuple[str, str]]) -> "Table":
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for heading, words in lines:
        table.add_row(heading, words)
    return table


def _watch(
    folder: Path,
    twin: Child,
    controller: Child,
    zero_s: float,
    duration_s: float,
    show: Show,
    keep: Callable[[str], Any],
) -> dict[str, Any]:
    """Ask and show until the time is over; returns the last status.

    Raises:
        DemoError: a process ended before its time, or the controller never answered.
    """
    control, status = folder / "journal" / "control.sock", None
    while (elapsed_s := time.monotonic() - zero_s) < duration_s:
        for child in (twin, controller):
            if child.exit_code is not None:
                raise child.ended_early()
        answer = demo_site.ask(control)
        if answer is not None:
            status = answer
            said = controller.words()[-KEPT_WORDS:]
            keep(json.dumps({"elapsed_s": round(elapsed_s, 3), "said": said, **answer}) + "\n")
        elif status is None and elapsed_s > STARTS_WITHIN_S:
            break
        show(status, elapsed_s, controller.words())
        time.sleep(max(0.0, ASK_EVERY_S - (time.monotonic() - zero_s - elapsed_s)))
    if status is None:
        last = "\n".join(f"  {line}" for line in controller.words()[-8:])
        raise DemoError(f"the controller never answered on {control}; its last words:\n{last}", 3)
    return status


@contextlib.contextmanager
def _shown(console: "Console", duration_s: float, controller: Child) -> Iterator[Show]:
    """How each status is shown: a live page where there is room for one, else a plain line now and then."""
    from hil.cli import demo_page

    roomy = console.width >= demo_page.LEAST_COLUMNS and console.height >= demo_page.LEAST_ROWS
    with ExitStack() as stack:
        if not (console.is_terminal and roomy):
            yield _plain(duration_s)
            return
        from rich.live import Live

        live = stack.enter_context(Live(console=console, auto_refresh=False))
        exports_w: list[float] = []

        def show(status: dict[str, Any] | None, elapsed_s: float, said: list[str]) -> None:
            import_w = status["point"]["import_w"] if status else None
            if import_w is not None:
                exports_w.extend([-import_w] * (int(elapsed_s) + 1 - len(exports_w)))
                exports_w[-1] = max(exports_w[-1], -import_w)
            live.update(demo_page.page(status, elapsed_s, duration_s, exports_w, said, console.width), refresh=True)

        yield show


def _plain(duration_s: float) -> Show:
    from hil.cli import demo_page

    due_s = 0.0

    def show(status: dict[str, Any] | None, elapsed_s: float, said: list[str]) -> None:
        nonlocal due_s
        if elapsed_s >= due_s:
            due_s = (elapsed_s // LINE_EVERY_S + 1) * LINE_EVERY_S
            click.echo(demo_page.line(status, elapsed_s, duration_s))

    return show
