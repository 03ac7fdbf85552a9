"""`pcs status`: what a running controller sees, holds and is worried about."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from pcs.cli.lockout_lines import lockout_lines

EXIT_NOBODY_THERE = 3  # DESIGN section 9: link
ASK_WITHIN_S = 3.0
OLD_REPLY_S = 2.0  # DESIGN section 6: a meter that is silent for longer is lost


@click.command("status")
@click.argument("site_file", metavar="[SITE.yaml]", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the status as JSON.")
def command(site_file: Path | None, as_json: bool) -> None:
    """Show what the controller of a site is doing; without SITE.yaml, the one that keeps ./journal."""
    from pcs.io.control_socket import SOCKET_NAME, NobodyThereError, ask

    path = _journal_dir(site_file) / SOCKET_NAME
    try:
        status = ask(path, "status", ASK_WITHIN_S)
    except NobodyThereError as error:
        _nobody_there(str(error), site_file, as_json)
    if "error" in status:
        _nobody_there(f"the controller on {path} says: {status['error']}", site_file, as_json)
    click.echo(json.dumps(status, indent=2) if as_json else "\n".join(page(status)))


def _journal_dir(site_file: Path | None) -> Path:
    if site_file is None:
        return Path("journal")
    from pcs.config import load_site

    return Path(load_site(site_file).journal_dir)


def _nobody_there(why: str, site_file: Path | None, as_json: bool) -> None:
    start = f"pcs run {site_file or 'SITE.yaml'}"
    hint = f"start the controller with `{start}`" + (
        "" if site_file else ", or name its site file: `pcs status SITE.yaml`"
    )
    if as_json:
        click.echo(json.dumps({"schema": "pcs.status/1", "error": why, "hint": hint}))
    else:
        click.echo(f"{why}\n{hint}", err=True)
    sys.exit(EXIT_NOBODY_THERE)


def page(status: Mapping[str, Any]) -> Iterator[str]:
    """The lines of the page for people. What the controller does not say is left out, never guessed."""
    yield _join(" · ", status.get("site"), status.get("state"), _age("up", status.get("uptime_s")), _version(status))
    yield from _point(_map(status, "point"))
    yield from _section("limits", [_limit(limit) for limit in _list(status, "limits")])
    yield from _section("DERs", [_der(der) for der in _list(status, "ders")])
    yield from _section("faults", [_fault(fault) for fault in _list(status, "faults")] or ["none"])
    if status.get("action"):
        why = status.get("why") if status["action"] != "normal" else ""
        yield "fail-safe action: " + _join(", ", status["action"], why)
    yield from lockout_lines(_map(status, "lockout"))
    if status.get("excursions"):
        yield f"excursions: {_excursions(status['excursions'])}"
    yield from _section("response (self-measured)", [*_responses(_map(status, "response")), *_by_limit(status)])
    yield from _section("links", [_link(link) for link in _list(status, "links")])
    yield from _section("health", list(_health(_map(status, "health"))))
    yield from _section("what does not protect this site", [str(one) for one in _list(status, "protections")])
    if status.get("commissioned") is False:
        yield "not commissioned: nobody has sealed this site's settings yet"
    journal = _map(status, "journal")
    if journal:
        yield f"journal: {_join(', ', journal.get('dir'), journal.get('trouble') and 'TROUBLE: ' + journal['trouble'])}"


def _point(point: Mapping[str, Any]) -> Iterator[str]:
    if not point:
        yield "point: no valid measurement yet"
        return
    flow = point.get("words") or _watts("import", point.get("import_w"))
    age = _age("measured", point.get("age_s"), "ago")
    yield "point: " + _join(", ", flow, _watts("demand", point.get("demand_w")), age)


def _limit(limit: Any) -> str:
    if not isinstance(limit, Mapping):
        return str(limit)
    mark = "BINDING" if limit.get("binding") else "free"
    name, why = str(limit.get("name") or limit.get("value")), str(limit.get("why") or "")
    kept = _watts("margin", limit.get("margin_w"))
    return _join("  ", mark.ljust(7), *([why] if name in why else [name, why]), kept)


def _der(der: Any) -> str:
    if not isinstance(der, Mapping):
        return str(der)
    cap_w, rating_w = der.get("cap_w"), der.get("rating_w")
    of = f"of {_w(rating_w)}" if rating_w is not None else ""
    cap = f"cap {_w(cap_w)} {of}".rstrip() if cap_w is not None else of and f"no cap {of}"
    state = _join(": ", der.get("state"), der.get("words"))
    return _join("  ", str(der.get("id", "?")).ljust(8), _watts("injects", der.get("injection_w")), cap, state)


def _fault(fault: Any) -> str:
    if not isinstance(fault, Mapping):
        return str(fault)
    what = _join(": ", fault.get("source"), fault.get("kind"))
    return _join("  ", what, fault.get("detail"), _age("for", fault.get("since_s")))


def _responses(response: Mapping[str, Any]) -> Iterator[str]:
    for direction in ("restrict", "release"):
        figures = response.get(direction)
        if figures:
            yield f"{direction}: {_tally(figures) if isinstance(figures, Mapping) else _words(figures)}"


def _by_limit(status: Mapping[str, Any]) -> Iterator[str]:
    """The same for each limit, where there are several and one was measured."""
    limits = [one for one in _list(status, "limits") if isinstance(one, Mapping)]
    for limit in limits if len(limits) > 1 else ():
        measured = {
            way: part for way, part in _map(limit, "response").items() if _map(limit["response"], way).get("count")
        }
        yield from (f"{limit.get('name')}: {line}" for line in _responses(measured))


def _tally(figures: Mapping[str, Any]) -> str:
    if figures.get("count") == 0:
        return "none yet"
    last = _map(figures, "last")
    return _join(
        ", ",
        _join(" ", figures.get("count"), "measured"),
        _seconds("longest", figures.get("max_s")),
        _seconds("average", figures.get("average_s")),
        _join(" ", _seconds("last", last.get("olrt_s")), _between(last.get("olrt_between_s"))),
        _join(" ", last.get("kind") and f"after a {last['kind']} step of", _watts("", last.get("step_w")).strip()),
    )


def _between(bounds: Any) -> str:
    if not isinstance(bounds, list) or len(bounds) != 2:
        return ""
    return f"({_number(bounds[0])} to {_number(bounds[1])} s)"


def _excursions(found: Any) -> str:
    if not isinstance(found, Mapping) or not found.get("count"):
        return "none" if isinstance(found, Mapping) and found.get("count") == 0 else _words(found)
    energy_wh = found.get("energy_wh")
    return _join(
        ", ",
        found["count"],
        _seconds("longest", found.get("longest_s")),
        _seconds("together", found.get("total_s")),
        f"{_number(energy_wh)} Wh" if energy_wh is not None else "",
        _watts("counted beyond the limit by", found.get("tolerance_w")),
    )


def _link(link: Any) -> str:
    """How a link fares: what went wrong stands there only where something did."""
    if not isinstance(link, Mapping):
        return _words(link)
    fine = {"address", "requests", "good", "connects", "connected", "health"}
    wrong = _join(", ", *(f"{_words(value)} {name}" for name, value in link.items() if name not in fine and value))
    requests, good = link.get("requests"), link.get("good")
    all_good = isinstance(requests, int) and isinstance(good, int) and requests - good <= 1  # one may be under way
    answered = "all answered" if all_good and not wrong else wrong
    state = "" if link.get("connected") in (None, True) else "NOT CONNECTED"
    asked = f"{_words(link['requests'])} requests" if link.get("requests") is not None else ""
    return _join("  ", link.get("address"), state, _join(", ", asked, answered, *_link_health(_map(link, "health"))))


def _link_health(health: Mapping[str, Any]) -> Iterator[str]:
    """How fast a link answers, and since when it does not."""
    latency = _map(health, "latency")
    if latency.get("count"):
        yield f"replies after {_ms(latency.get('p50_s'))} (half), {_ms(latency.get('p99_s'))} (99 %)"
    age_s = health.get("last_good_age_s")
    if isinstance(age_s, int | float) and age_s > OLD_REPLY_S:
        yield _age("no good reply for", age_s)
    yield from (f"{health[key]} {key}" for key in ("retries", "reconnects") if health.get(key))


def _health(health: Mapping[str, Any]) -> Iterator[str]:
    """The alarms that stand, then how late the event loop is and how long steps take."""
    for alarm in _list(health, "alarms"):
        if isinstance(alarm, Mapping):
            yield "ALARM  " + _join(": ", alarm.get("source"), alarm.get("words"))
    for name, words in (("loop_lag", "event loop late by"), ("step", "a step takes")):
        figures = _map(health, name)
        if figures.get("count"):
            times = (f"{_ms(figures.get(key))} ({share})" for key, share in (("p50_s", "half"), ("p99_s", "99 %")))
            yield _join(", ", f"{words} up to {' '.join(times)}", f"longest {_ms(figures.get('longest_s'))}")


def _ms(value_s: Any) -> str:
    return f"{1000 * value_s:.3g} ms" if isinstance(value_s, int | float) else "?"


def _seconds(name: str, value_s: Any) -> str:
    return "" if value_s is None else f"{name} {_number(value_s)} s"


def _words(value: Any) -> str:
    """Any small value in one line: its own words if it has some, else its names and values."""
    if isinstance(value, Mapping):
        if value.get("words"):
            return str(value["words"])
        return ", ".join(f"{name} {_number(part)}" for name, part in value.items() if part is not None)
    if isinstance(value, list):
        return "–".join(_number(part) for part in value)
    return str(value)


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else _words(value)


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"{title}:"
        yield from (f"  {line}" for line in lines)


def _watts(name: str, value_w: Any) -> str:
    return "" if value_w is None else f"{name} {_w(value_w)}"


def _w(value_w: Any) -> str:
    return f"{value_w:,.0f} W" if isinstance(value_w, int | float) else str(value_w)


def _age(before: str, value_s: Any, after: str = "") -> str:
    if not isinstance(value_s, int | float):
        return ""
    for unit, size_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if value_s >= 2 * size_s:
            return f"{before} {value_s / size_s:.0f} {unit} {after}".rstrip()
    return f"{before} {value_s:.1f} s {after}".rstrip()


def _version(status: Mapping[str, Any]) -> str:
    return f"openpcs {status['version']}" if status.get("version") else ""


def _join(between: str, *parts: Any) -> str:
    return between.join(str(part) for part in parts if part not in (None, ""))


def _list(status: Mapping[str, Any], name: str) -> list[Any]:
    value = status.get(name)
    return value if isinstance(value, list) else []


def _map(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = status.get(name)
    return value if isinstance(value, Mapping) else {}
