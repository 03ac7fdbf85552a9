"""What `pcs status` and `pcs explain` say of lock-outs: since when, why, until when, who may end it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any


def lockout_lines(told: Mapping[str, Any], zone: tzinfo = UTC) -> Iterator[str]:
    """The lines for people; nothing where the site's preset has no lock-out, or nothing has counted."""
    counted = [_counted(one) for one in told.get("excursions", ()) if one["counted"]]
    if not told.get("locked"):
        if counted:
            yield f"towards a lock-out ({told['preset']}): {'; '.join(counted)}"
        return
    since = f" since {_time(told['since_utc_s'], zone)}" if told["since_utc_s"] else ""
    yield f"LOCKED OUT{since} ({told['preset']}): {told['why']}"
    yield f"  it does: {told['does']}"
    if told["ends_by_itself_utc_s"] is not None:
        yield f"  it ends by itself at {_time(told['ends_by_itself_utc_s'], zone)}, once the flow is inside the limit"
    for who, verdict in told["reset"].items():
        until = f" ({_time(verdict['from_utc_s'], zone)})" if verdict["from_utc_s"] else ""
        may = "may reset it now: pcs reset-lockout SITE.yaml" + ("" if who == "user" else f" --as {who}")
        yield f"  the {who} " + (may if verdict["allowed"] else f"may not reset it: {verdict['why']}{until}")


def _counted(one: Mapping[str, Any]) -> str:
    return f"rule {one['rule']}: {one['counted']} of {one['locks_out_at']}"


def _time(utc_s: float, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(utc_s, zone):%Y-%m-%d %H:%M:%S %Z}"
