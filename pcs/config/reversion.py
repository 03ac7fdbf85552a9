"""How soon a DER falls back by itself when nobody renews its limit: as its profile says, or sooner where a limit asks.

A controller that has died corrects nothing any more; what is left is the timer that it has armed in the DER. So timer
and the DER's own movement together must fit the time in which the limits on it are to be corrected. Two bounds:

- The profile's time is the longest: its maker or the field uses it.
- A timer that is renewed too late loses energy for nothing. It is renewed after a quarter of its time (SMA's rule asks
  for a third at most); then one write may be lost with its whole deadline and the next one still be in time:

      T / 4 + 2 t + r <= T        T >= 4/3 (2 t + r)

  with t for one turn of everything that is written on that link, and r for the pause before the second try.

Where the DER is too slow for the limit, the shortest timer is armed, and `pcs check` says what it comes to.
"""

from dataclasses import replace
from math import ceil, floor

from pcs.core.economy import RETRY_FIRST_S
from pcs.core.predict import follow_s, members
from pcs.model.profile import LimitAction, Persistence
from pcs.model.site import DerSpec, LinkKind, Site

RENEWED_AT_SHARE = 0.25


def with_reversions(site: Site) -> Site:
    """The site with every timer that its DERs are armed with, as its limits ask."""
    return replace(site, ders=tuple(_der(der, site) for der in site.ders))


def least_reversion_s(der: DerSpec, site: Site) -> float:
    """The shortest timer that is renewed in time although one write is lost (whole seconds)."""
    turn_s = sum(_write_s(other) for other in site.ders if other.controlled and other.link == der.link)
    return float(ceil((2.0 * turn_s + RETRY_FIRST_S) / (1.0 - RENEWED_AT_SHARE)))


def _write_s(der: DerSpec) -> float:
    """The longest that one write keeps the link: its deadline, and on a serial one the wait for a late reply."""
    if der.profile is None or der.link is None:
        return 0.0
    timing = der.profile.link
    return timing.deadline_s + (timing.late_window_s if der.link.kind is LinkKind.SERIAL else 0.0)


def _der(der: DerSpec, site: Site) -> DerSpec:
    asked_s = [limit.correct_within_s for limit in site.limits if der in members(site, limit)]
    if der.profile is None or not der.profile.limits or not asked_s:
        return der
    most_s = max(floor(min(asked_s) - follow_s(der)), least_reversion_s(der, site))
    actions = {variant: _sooner(action, most_s) for variant, action in der.profile.limits.items()}
    return replace(der, profile=replace(der.profile, limits=actions))


def _sooner(action: LimitAction, most_s: float) -> LimitAction:
    """The action with a timer of at most `most_s`. What wears out is not written in a loop, and keeps its times."""
    if action.reversion_s is None or action.reversion_s <= most_s or action.persistence is not Persistence.VOLATILE:
        return action
    return replace(action, reversion_s=most_s, refresh_s=min(action.refresh_s, RENEWED_AT_SHARE * most_s))
