"""What the demonstration shows while it runs: a live page for a terminal, one plain line for a log."""

import re
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

LEAST_COLUMNS, LEAST_ROWS = 70, 20
"""A terminal smaller than this gets plain lines: the page would be cut."""
BARS = "▁▂▃▄▅▆▇█"
_USUAL = (("DER", "left"), ("injects", "right"), ("", "left"), ("cap", "right"), ("rating", "right"))
_BOTH_WAYS = (("DER", "left"), ("injects", "right"), ("", "left"), ("floor", "right"), ("cap", "right"))
AT_LIMIT = 5  # the bar that stands for the limit; two more for what lies beyond
SAID = 5  # lines of the controller's log at the foot of the page; fewer where there is more to show above
USUAL_LINES = 3  # two DERs and one limit; each more takes a line of the log
STAMP = re.compile(r"^\d{4}-\d\d-\d\d ")
Status = dict[str, Any]


def page(
    status: Status | None,
    elapsed_s: float,
    duration_s: float,
    exports_w: Sequence[float],
    said: Sequence[str],
    width: int,
) -> RenderableType:
    """The whole page. `exports_w`: the greatest export of each second so far, W; `said`: the controller's log."""
    clock = f"{elapsed_s:3.0f} s of {duration_s:.0f} s, {max(0.0, duration_s - elapsed_s):.0f} s to go"
    parts: list[RenderableType] = [Rule(Text(f"openpcs demo   {clock}", "bold"), align="left", style="dim")]
    if status is None:
        parts.append(Text("\nthe controller starts\n", "dim"))
    else:
        parts += [_point(status), _ders(status, width), *_limits(status), _binding(status)]
        parts.append(_strip(status, exports_w, width))
        parts += [Text(), *_responses(status), _excursions(status), _faults(status)]
    parts.append(Rule(Text("the controller says", "dim"), align="left", style="dim"))
    more = len(status["ders"]) + len(status["limits"]) - USUAL_LINES if status is not None else 0
    kept = max(1, SAID - max(0, more))
    parts += [Text(STAMP.sub("", line), no_wrap=True, overflow="ellipsis") for line in said[-kept:]]
    return Group(*parts)


def line(status: Status | None, elapsed_s: float, duration_s: float) -> str:
    """The same in one line, for a log."""
    head = f"{elapsed_s:3.0f} s of {duration_s:.0f} s"
    if status is None:
        return f"{head}: the controller starts"
    ders = ", ".join(f"{d['id']} {_does(d)} ({_bounds(d)}, {d['state']})" for d in status["ders"])
    binds = "; ".join(
        f"{limit['name']} {'binds' if limit.get('binding') else 'does not bind'}" for limit in status["limits"]
    )
    flow = f"{status['point']['words']}, demand {watts(status['point'].get('demand_w'))}"
    return f"{head}: {flow}; {ders}; {binds or 'no limit'}; {_faults(status).plain.strip()}"


def watts(value_w: float | None) -> str:
    """A power for people; a dash where it is not known."""
    return "-" if value_w is None else f"{round(value_w):,} W".replace("-", "−")


def _point(status: Status) -> Text:
    point = status["point"]
    import_w, limits = point.get("import_w"), status["limits"]
    beyond = import_w is not None and any(_excess_w(limit, import_w) > 0.0 for limit in limits)
    text = Text("\n  ")
    text.append(point["words"], "bold red" if beyond else "bold green")
    if import_w is not None:
        text.append(f"   import {watts(import_w)}", "dim")
    if len(limits) == 1:
        text.append(f"   limit {watts(limits[0]['value'])}")
    text.append(f"   demand {watts(point.get('demand_w'))}\n")
    return text


def _excess_w(limit: dict[str, Any], import_w: float) -> float:
    """How far the flow is beyond a limit, by what the controller says of it; where it says nothing it is of export."""
    flow_w, limit_w = limit.get("flow_w"), limit.get("limit_w", limit["value"])
    return (-import_w if flow_w is None else flow_w) - limit_w if limit_w is not None else 0.0


def _export_limit(status: Status) -> dict[str, Any] | None:
    """The limit that the strip of exports is drawn against."""
    return next((one for one in status["limits"] if one["name"].startswith("export")), None)


def _first_limit(status: Status) -> dict[str, Any] | None:
    limits = status["limits"]
    return next((one for one in limits if one.get("binding")), limits[0] if limits else None)


def _does(der: dict[str, Any]) -> str:
    """What a DER does now, in words."""
    injection_w = der["injection_w"]
    drawing = injection_w is not None and injection_w < 0.0
    return f"draws {watts(-injection_w)}" if drawing else f"injects {watts(injection_w)}"


def _bounds(der: dict[str, Any]) -> str:
    """What it may do: its cap, and for what can draw its floor."""
    floor_w = der.get("floor_w")
    return f"cap {watts(der['cap_w'])}" + (f", floor {watts(floor_w)}" if floor_w is not None else "")


def _limits(status: Status) -> list[RenderableType]:
    """Where there are several limits: a line for each."""
    if len(status["limits"]) < 2:
        return []
    lines = []
    for limit in status["limits"]:
        text = Text("  ", no_wrap=True, overflow="ellipsis")
        text.append("binds   " if limit.get("binding") else "holds   ", "yellow" if limit.get("binding") else "green")
        text.append(limit["name"])
        flow_w = limit.get("flow_w")
        if flow_w is not None:
            text.append(f"   now {watts(flow_w)}", "dim")
        lines.append(text)
    return [*lines]


def _ders(status: Status, width: int) -> Table:
    bar = max(10, min(40, width - 64))
    table = Table(box=None, pad_edge=True, padding=(0, 1), header_style="dim")
    both = any(der.get("floor_w") is not None for der in status["ders"])
    for name, justify in _BOTH_WAYS if both else _USUAL:
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("state", no_wrap=True, overflow="ellipsis")
    for der in status["ders"]:
        style = {"limited": "yellow", "free": "green"}.get(der["state"], "red" if der.get("words") else "dim")
        one_w, other_w = (der.get("floor_w"), der["cap_w"]) if both else (der["cap_w"], der["rating_w"])
        state = Text(der["state"], style)
        table.add_row(der["id"], watts(der["injection_w"]), _bar(der, bar), watts(one_w), watts(other_w), state)
    return table


def _bar(der: dict[str, Any], width: int) -> Text:
    """What it injects or draws (solid), up to its cap or floor (shaded), of its rating (blank)."""
    now_w, cap_w, floor_w = der["injection_w"] or 0.0, der["cap_w"] or 0.0, der.get("floor_w") or 0.0
    drawing = now_w < 0.0 or (cap_w <= 0.0 and floor_w < 0.0)
    bound_w = -floor_w if drawing else cap_w
    rating_w = max(der["rating_w"] or 0.0, abs(now_w), -floor_w, 1.0)
    solid = round(min(1.0, abs(now_w) / rating_w) * width)
    shaded = max(0, round(min(1.0, max(0.0, bound_w) / rating_w) * width) - solid)
    text = Text("█" * solid, "blue" if drawing else "green")
    text.append("░" * shaded, "yellow")
    return text.append("·" * (width - solid - shaded), "dim")


def _binding(status: Status) -> RenderableType:
    limit = _first_limit(status)
    why = (limit.get("why") if limit else "") or status["why"]
    return Padding(Text(why, "yellow" if limit and limit.get("binding") else ""), (1, 0, 0, 2))


def _strip(status: Status, exports_w: Sequence[float], width: int) -> Text:
    """One mark for each second: how much was exported, red beyond the limit."""
    limit = _export_limit(status)
    text = Text("  export each second  ", "dim")
    tolerance_w = status["excursions"]["tolerance_w"]
    for export_w in exports_w[-(width - 24) :]:
        if export_w <= 0.0 or not limit:
            text.append("_", "dim")
            continue
        level = round(AT_LIMIT * export_w / limit["value"]) if limit["value"] else len(BARS) - 1
        beyond = export_w > limit["value"] + tolerance_w
        level = len(BARS) - 1 if beyond else min(AT_LIMIT, level)
        text.append(BARS[level], "red" if beyond else "green")
    return text


def _responses(status: Status) -> list[Text]:
    lines = []
    for way in ("restrict", "release"):
        last = status["response"][way].get("last")
        words = f"{_response(last)}" if last else "none yet"
        lines.append(Text(f"  last {way:8} OLRT  {words}", no_wrap=True, overflow="ellipsis"))
    return lines


def _response(last: dict[str, Any]) -> str:
    lo_s, hi_s = last["olrt_between_s"]
    step = watts(last["step_w"]) if last["step_w"] < 0 else f"+{watts(last['step_w'])}"
    return f"{last['olrt_s']:.2f} s ({lo_s:.2f} to {hi_s:.2f} s) after a {last['kind']} step of {step}, self-measured"


def _excursions(status: Status) -> Text:
    found = status["excursions"]
    words = f"{found['count']}, longest {found['longest_s']:.1f} s" if found["count"] else "none"
    return Text(f"  excursions          {words}")


def _faults(status: Status) -> Text:
    words = "; ".join(f"{fault['source']}: {fault['kind']}" for fault in status["faults"])
    return Text(f"  faults              {words}", "red") if words else Text("  no fault")
