"""What a valid site file means for safety: said before anything is energised."""

import re

from pcs.model.profile import Evidence, FallbackDirection, LimitAction
from pcs.model.site import DerSpec, Site

ANY = "any"
"""The variant of a fallback that does not depend on what the device turns out to be."""
CRD_CORRECT_WITHIN_S = 30.0  # UL 1741 CRD for PCS: open-loop response at most 30 s (CRD-OLRT-2)
SOCKET_PATH_BYTES = 107  # Linux: sun_path holds 108 bytes with its closing zero
SMALLEST_DER_W = 150.0  # micro-inverters begin at some 200 W; 150 kW typed as kilowatts is caught, too
_NUMBERED_PORT = re.compile(r"/dev/tty(USB|ACM)\d+")  # numbered in the order in which adapters were found
_FULL_STEP_PCT = 90.0  # an OLRT ends at 90 % of the change
_LAGS_TO_90_PCT = 2.303  # ln 10: a first-order lag has made 90 % of its change


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


def uncontrolled_w(site: Site) -> float:
    """Nameplate of everything that injects without obeying, W."""
    return sum(der.nameplate_w for der in site.ders if not der.controlled)


def slowest_response_s(der: DerSpec) -> float | None:
    """Time to 90 % of a full step of the slowest plant that the profile vouches for, s; None without a profile."""
    if der.profile is None or der.profile.der is None:
        return None
    timing = der.profile.der
    return timing.dead_time_s.hi + _FULL_STEP_PCT / timing.ramp_pct_s + _LAGS_TO_90_PCT * timing.time_constant_s.hi


def warnings(site: Site) -> tuple[str, ...]:
    """Everything that is allowed but that somebody must know, in the order of its weight."""
    return (
        *_too_small(site),
        *_beyond_control(site),
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
    found = []
    if not any(der.controlled for der in site.ders):
        found.append("no DER is controlled: nothing can hold a limit")
    free_w, load_w = uncontrolled_w(site), site.tuning.credited_min_load_w
    names = ", ".join(der.id for der in site.ders if not der.controlled)
    for limit in site.limits:
        short_w = free_w - load_w - (limit.value or 0.0)
        if short_w > 0:
            found.append(
                f"the safe state cannot hold the {limit.name}: what is not controlled "
                f"({names}, {free_w:g} W nameplate) can exceed it by {short_w:g} W with every controlled DER at 0"
            )
    return found


def _slow(site: Site) -> list[str]:
    found = []
    for limit in site.limits:
        if limit.correct_within_s > CRD_CORRECT_WITHIN_S:
            found.append(
                f"{limit.name}: correct_within_s {limit.correct_within_s:g} is longer than the "
                f"{CRD_CORRECT_WITHIN_S:g} s of the UL 1741 CRD"
            )
        for der in site.ders:
            response_s = slowest_response_s(der) if der.controlled else None
            if response_s is not None and response_s > limit.correct_within_s:
                found.append(
                    f"{limit.name}: {der.id} may take {response_s:.1f} s for a full step "
                    f"(slowest plant of its profile), longer than correct_within_s {limit.correct_within_s:g}"
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
    return found


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
