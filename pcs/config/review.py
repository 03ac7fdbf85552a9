"""What a valid site file means for safety: said before anything is energised."""

import re
from dataclasses import replace

from pcs.core.line_state import at_start
from pcs.core.policy import Line, all_points, lies_behind, policy_for
from pcs.core.predict import follow_s, members, predict
from pcs.core.service import CONDUCTORS
from pcs.model.limit import Limit
from pcs.model.profile import Evidence, FallbackDirection, LimitAction
from pcs.model.site import DerSpec, Site

ANY = "any"
"""The variant of a fallback that does not depend on what the device turns out to be."""
CRD_CORRECT_WITHIN_S = 30.0  # UL 1741 CRD for PCS: open-loop response at most 30 s (CRD-OLRT-2)
SOCKET_PATH_BYTES = 107  # Linux: sun_path holds 108 bytes with its closing zero
SMALLEST_DER_W = 150.0  # micro-inverters begin at some 200 W; 150 kW typed as kilowatts is caught, too
_NUMBERED_PORT = re.compile(r"/dev/tty(USB|ACM)\d+")  # numbered in the order in which adapters were found


def fallbacks(der: DerSpec) -> dict[str, str]:
    """What the DER does when its controller dies, in words, by the variant that it may turn out to be."""
    if not der.controlled:
        return {ANY: "runs on: it is not controlled, and counts at its nameplate rating"}
    actions = der.profile.limits if der.profile is not None else None
    return {variant: _fallback(action) for variant, action in (actions or {}).items()}


def _fallback(action: LimitAction) -> str:
    match action.fallback:
        case FallbackDirection.SAFE if action.reversion_s is not None:
            return (
                f"safe: falls back by itself to a limit that we choose, {action.reversion_s:g} s after the last write"
            )
        case FallbackDirection.SAFE:
            return "safe: falls back by itself"
        case FallbackDirection.HOLD:
            return "hold: keeps the last limit written (its own timer would drop the limit and is never armed)"
        case FallbackDirection.OPEN:
            return "open: drops the limit"


def warnings(site: Site) -> tuple[str, ...]:
    """Everything that is allowed but that somebody must know, in the order of its weight."""
    return (
        *_too_small(site),
        *_beyond_control(site),
        *_idle(site),
        *_slow(site),
        *_without_controller(site),
        *_unproven(site),
        *_serial_ports(site),
        *_socket(site),
    )


def _too_small(site: Site) -> list[str]:
    return [
        f"{der.id}: a nameplate of {der.nameplate_w:g} W is less than the smallest micro-inverter; "
        f"nameplate_w is in watts, did you mean {1000 * der.nameplate_w:g}?"
        for der in site.ders
        if der.nameplate_w < SMALLEST_DER_W
    ]


def _beyond_control(site: Site) -> list[str]:
    """What can exceed a limit with every controlled DER at its safest: named before anything is energised."""
    found = []
    if not any(der.controlled for der in site.ders):
        found.append("no DER is controlled: nothing can hold a limit")
    worst: dict[int, str] = {}
    for line, bounded, _ in at_start(
        policy_for(replace(site, limits=tuple(_tightest(limit) for limit in site.limits)))
    ):
        if bounded.limit_w is None:
            continue
        said = _exceeds(site, line, bounded.limit_w) if line.sign > 0.0 else _drawn(site, line, bounded.limit_w)
        if said and line.limit_number not in worst:
            worst[line.limit_number] = said
    return [*found, *(worst[number] for number in sorted(worst))]


def _tightest(limit: Limit) -> Limit:
    """A limit at the tightest value that its schedule ever gives it."""
    values = [v for v in (limit.value, *(w.value for w in limit.schedule)) if v is not None]
    return replace(limit, value=min(values, default=None))


def _exceeds(site: Site, line: Line, limit_w: float) -> str:
    """Sources that nobody commands, beyond an export limit."""
    credited_w = site.tuning.credited_min_load_w if line.point.id == "poi" else 0.0
    credited_w /= CONDUCTORS[site.system] if line.phase is not None else 1
    short_w = line.uncontrolled_w - credited_w - limit_w
    if short_w <= 0.0:
        return ""
    free = [d for d in _behind(site, line.limit) if not d.controlled and d.most_w > 0.0]
    names = ", ".join(der.id for der in free)
    return (
        f"the safe state cannot hold the {line.name}: what is not controlled ({names}, "
        f"{sum(d.most_w for d in free):g} W nameplate) can exceed it by {short_w:g} W with every controlled DER at 0"
    )


def _drawn(site: Site, line: Line, limit_w: float) -> str:
    """An import limit that host load or chargers that nobody commands can exceed, with nothing left to reduce."""
    if line.is_ess:
        return ""
    if not line.members:
        return (
            f"the {line.name} cannot hold whenever the load alone exceeds it: nothing that is controlled can reduce it"
        )
    free = [d for d in _behind(site, line.limit) if not d.controlled and d.charge_w > 0.0]
    drawn_w = sum(d.charge_w for d in free) / (CONDUCTORS[site.system] if line.phase is not None else 1)
    if drawn_w <= limit_w:
        return ""
    names = ", ".join(der.id for der in free)
    return f"the {line.name} cannot hold while what is not controlled ({names}) draws its {drawn_w:g} W"


def _behind(site: Site, limit: Limit) -> list[DerSpec]:
    points = all_points(site)
    return [d for d in site.ders if d.concerns(limit.scope) and lies_behind(d, limit.point, points)]


def _idle(site: Site) -> list[str]:
    """Controlled DERs that no limit acts on, and DERs whose conductors a limit per conductor has to guess."""
    policy = policy_for(site)
    acted_on = {n for line in policy.lines for n in line.members} | {n for bus in policy.buses for n in bus.members}
    found = [
        f"{der.id}: controlled, and no limit acts on it; it is read and left alone"
        for n, der in enumerate(policy.controlled)
        if n not in acted_on
    ]
    each = any(line.phase is not None for line in policy.lines) and policy.phases > 1
    return [
        *found,
        *(
            f"{der.id}: connection is not given, and a limit holds per conductor: taken to be on all of them alike"
            for der in site.ders
            if each and der.connection is None
        ),
    ]


def _slow(site: Site) -> list[str]:
    found = []
    for limit in site.limits:
        if limit.correct_within_s > CRD_CORRECT_WITHIN_S:
            found.append(
                f"{limit.name}: correct_within_s {limit.correct_within_s:g} is longer than the "
                f"{CRD_CORRECT_WITHIN_S:g} s of the UL 1741 CRD"
            )
        worst = predict(site, limit)
        if worst is None:
            continue
        for way, time_s in (("restrict", worst.restrict_s), ("release", worst.release_s)):
            if time_s > limit.correct_within_s:
                found.append(
                    f"{limit.name}: may take {time_s:.1f} s to {way} (slowest plant of the profiles), "
                    f"longer than correct_within_s {limit.correct_within_s:g}"
                )
    return found


def _without_controller(site: Site) -> list[str]:
    found = []
    for der in site.ders:
        actions = der.profile.limits if der.controlled and der.profile is not None else None
        for variant, action in (actions or {}).items():
            if action.fallback is not FallbackDirection.SAFE:
                found.append(
                    f"{der.id}: if it is controlled by model {variant}, nothing tightens its limit when the controller "
                    "dies; no protection against that is claimed"
                )
            elif action.reversion_s is not None:
                found += _late(site, der, variant, action.reversion_s)
    return found


def _late(site: Site, der: DerSpec, variant: str, reversion_s: float) -> list[str]:
    """A timer that is armed as short as it may be, and still ends too late for the tightest limit on this DER."""
    asked = [limit for limit in site.limits if der in members(site, limit)]
    tightest = min(asked, key=lambda limit: limit.correct_within_s, default=None)
    if tightest is None or reversion_s + follow_s(der) <= tightest.correct_within_s:
        return []
    return [
        f"{der.id}: if it is controlled by model {variant} and the controller dies, its own timer takes "
        f"{reversion_s:g} s and the DER up to {follow_s(der):.1f} s, longer than the "
        f"{tightest.correct_within_s:g} s of the {tightest.name}"
    ]


def _unproven(site: Site) -> list[str]:
    named = [meter.profile for meter in site.meters] + [der.profile for der in site.ders if der.profile is not None]
    profiles = {profile.id: profile for profile in named}
    return [f"profile {p.id}: {p.evidence.value}" for p in profiles.values() if p.evidence is Evidence.UNVERIFIED]


def _serial_ports(site: Site) -> list[str]:
    links = [meter.link for meter in site.meters] + [der.link for der in site.ders if der.link is not None]
    return [
        f"{device}: the system may give this name to another adapter after a restart; "
        "its lasting name stands under /dev/serial/by-id"
        for device in dict.fromkeys(link.device for link in links)
        if _NUMBERED_PORT.fullmatch(device)
    ]


def _socket(site: Site) -> list[str]:
    length = len(f"{site.journal_dir}/control.sock".encode())
    if length <= SOCKET_PATH_BYTES:
        return []
    return [f"journal dir: its path is too long for control.sock ({length} of {SOCKET_PATH_BYTES} bytes)"]
