"""`pcs dissect FILE`: what stands in the frames of a trace, point by point."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from pcs.cli.dissect_frame import Frame
from pcs.cli.dissect_points import ABSENT, Named
from pcs.cli.dissect_trace import Exchange, exchanges
from pcs.config import load_site
from pcs.model.registers import RegisterMap


@click.command("dissect", short_help="Explain the frames of a trace.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE")
@click.option(
    "--site",
    "site_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="SITE.yaml",
    help="Name the registers of devices that are no SunSpec ones, by their profiles.",
)
@click.option("--wrong", is_flag=True, help="Only what went wrong: damaged, unanswered, refused, not as asked.")
@click.option("--bytes", "with_bytes", is_flag=True, help="Show every field of each frame with its bytes.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def command(file: Path, site_file: Path | None, wrong: bool, with_bytes: bool, as_json: bool) -> None:
    """Explain FILE: a trace of `pcs run --trace`, or lines of hexadecimal bytes.

    Each request is shown with its reply and reply time; registers have names where the trace holds the device's map.
    """
    try:
        for one in exchanges(file, _profiles(site_file)):
            if isinstance(one, str):
                if as_json:
                    click.echo(json.dumps({"note": one}))
                elif not wrong or not one.startswith("pcs.trace"):
                    click.echo(one)
            elif not (one.again or (wrong and not one.is_wrong)):
                click.echo(json.dumps(as_dict(one)) if as_json else "\n".join(page(one, with_bytes=with_bytes)))
    except OSError as error:
        raise click.BadParameter(f"{file}: {error.strerror or error}", param_hint="FILE") from None


def _profiles(site_file: Path | None) -> dict[tuple[str, int], RegisterMap]:
    """The register maps of a site's devices, by link and unit."""
    if site_file is None:
        return {}
    site = load_site(site_file)
    devices = [(str(m.link), m.unit, m.profile) for m in site.meters]
    devices += [(str(d.link), d.unit, d.profile) for d in site.ders if d.profile is not None]
    return {(link, unit): profile.registers for link, unit, profile in devices if profile.registers is not None}


def page(exchange: Exchange, *, with_bytes: bool = False) -> Iterator[str]:
    """One exchange in lines for people."""
    frame = exchange.request or exchange.reply
    assert frame is not None
    at_s = exchange.sent_s if exchange.sent_s is not None else exchange.received_s
    when = f"{at_s:.6f} s  " if at_s is not None else ""
    yield f"{when}{exchange.link} {_head(frame)}".replace("  ", "  ").strip()
    if exchange.request is not None and with_bytes:
        yield from _parts(exchange.request)
    if exchange.reply is not None and exchange.request is not None:
        took_s = exchange.reply_time_s
        after = f" after {1000 * took_s:.1f} ms" if took_s is not None else ""
        yield f"  {exchange.reply.title}{after}{_carries(exchange.reply)}"
    if exchange.reply is not None and with_bytes:
        yield from _parts(exchange.reply)
    if exchange.echoed:
        yield "  (the adapter hears what it sends; taken off)"
    yield from _points(exchange.points)
    problems = (f.problems for f in (exchange.request, exchange.reply) if f is not None)
    yield from (f"  ! {words}" for words in (*itertools.chain(*problems), *exchange.notes))


def _points(points: list[Named]) -> Iterator[str]:
    """Names and values; those that the device does not implement are told together."""
    for absent, group in itertools.groupby(points, key=lambda point: point.says == ABSENT):
        named = list(group)
        if absent and len(named) > 1:
            names = ", ".join(point.name.partition(".")[2] or point.name for point in named)
            yield f"    {named[0].address:>5}  {ABSENT}: {names}"
        else:
            yield from (f"    {p.address:>5}  {p.name:<24} {p.says}".rstrip() for p in named)


def _head(frame: Frame) -> str:
    unit = f"unit {frame.facts['unit']}: " if "unit" in frame.facts else ""
    address, count = frame.facts.get("address"), frame.facts.get("count")
    where = ""
    if address is not None and count:
        where = f" {address}..{address + count - 1}" if count > 1 else f" {address}"
    elif address is not None:
        where = f" {address}"
    return f"{unit}{frame.title}{where}{_carries(frame) if not frame.is_request else ''}"


def _carries(frame: Frame) -> str:
    return f", {len(frame.data)} bytes" if frame.data else ""


def _parts(frame: Frame) -> Iterator[str]:
    """Every field: its place in the frame, its bytes, its name and what it says."""
    for part in frame.parts:
        yield f"      +{part.at:<3} {part.raw.hex(' '):<24} {part.name} {part.says}".rstrip()


def as_dict(exchange: Exchange) -> dict[str, Any]:
    """One exchange for programs; times in seconds, bytes in hexadecimal."""
    return {
        "link": exchange.link,
        "sent_s": exchange.sent_s,
        "received_s": exchange.received_s,
        "reply_time_s": None if exchange.reply_time_s is None else round(exchange.reply_time_s, 6),
        "request": _frame_dict(exchange.request),
        "reply": _frame_dict(exchange.reply),
        "points": [{"address": p.address, "name": p.name, "says": p.says, "raw": p.raw.hex()} for p in exchange.points],
        "notes": exchange.notes,
        "echoed": exchange.echoed,
    }


def _frame_dict(frame: Frame | None) -> dict[str, Any] | None:
    if frame is None:
        return None
    return {
        "is": frame.title,
        "framing": frame.framing,
        "raw": frame.raw.hex(),
        "fields": [{"at": p.at, "raw": p.raw.hex(), "name": p.name, "says": p.says} for p in frame.parts],
        "problems": frame.problems,
    }
