"""What no site file may ask for, though every key of it is right: found on the parsed site, told with its line."""

from itertools import product
from math import ceil

from pcs.config.supervisor import loosest_w, watched
from pcs.config.yaml_marks import Document, Path_
from pcs.core.line_state import at_start
from pcs.core.policy import policy_for
from pcs.core.predict import predict, slowest_slew_pct_s
from pcs.model.site import Site


def report_refusals(document: Document, site: Site, listed: int) -> None:
    """Report limits that leave no room between them, and a release slew that breaks what a limit demands.

    The first `listed` limits of the site stand under `limits` in the file, the others come from `modes`.
    """
    _no_room(document, site)
    _slew(document, site, listed)
    _supervisor(document, site)


def _no_room(document: Document, site: Site) -> None:
    """An export and an import limit on one flow, with less than their margins between them, can never both hold."""
    bounded = [
        (line, envelope)
        for line, envelope, _ in at_start(policy_for(site))
        if envelope.limit_w is not None and not line.is_ess
    ]
    exports = [pair for pair in bounded if pair[0].sign > 0.0]
    imports = [pair for pair in bounded if pair[0].sign < 0.0]
    for (one, up), (other, down) in product(exports, imports):
        if one.point.id != other.point.id or one.phase != other.phase or up.limit_w is None or down.limit_w is None:
            continue
        room_w, kept_w = up.limit_w + down.limit_w, up.margin.total_w + down.margin.total_w
        if room_w < kept_w:
            document.report(
                ("limits", max(one.limit_number, other.limit_number), "value"),
                "contradicts another limit",
                got=f"{one.name} and {other.name}: {room_w:.0f} W between them, {kept_w:.0f} W of margins",
                expected=f"{kept_w:.0f} W between them",
                hint="raise one of them, or use better meters and CTs: `pcs check` itemises the margins",
            )


def _slew(document: Document, site: Site, listed: int) -> None:
    """Only where another slew would do: a plant that is too slow by itself is a warning."""
    for number, limit in enumerate(site.limits):
        found = predict(site, limit)
        if found is None or found.release_s <= limit.correct_within_s:
            continue
        least_pct_s = slowest_slew_pct_s(site, limit)
        if least_pct_s is not None:
            own, place = ("controller", "release_slew_pct_s"), ("limits", number, "correct_within_s")
            path: Path_ = own if own in document.lines else place if number < listed else ("modes",)
            slew_pct_s = site.tuning.release_slew_pct_s
            document.report(
                path,
                f"releases the {limit.name} too slowly",
                got=f"{found.release_s:.1f} s at {slew_pct_s:g} %/s, correct_within_s is {limit.correct_within_s:g}",
                expected=f"controller.release_slew_pct_s of at least {ceil(10.0 * least_pct_s) / 10.0:g}",
                hint="or a longer correct_within_s: the CRD switches its load on and off, and both responses count",
            )


def _supervisor(document: Document, site: Site) -> None:
    """A supervisor that trips inside what the limits allow, or before the controller can have answered."""
    spec = site.supervisor
    if spec is None:
        return
    for number, watch in enumerate(spec.watches):
        path: Path_ = ("supervisor", "watch", number)
        limits = watched(site.limits, watch.direction)
        allowed = [w for limit in limits if (w := loosest_w(limit)) is not None]
        if not allowed and (*path, "limit_w") not in document.lines:
            document.report(
                (*path, "limit_w"), "is missing", expected=f"watts: no {watch.direction} limit in W holds at all times"
            )
        elif allowed and watch.bound_w < min(allowed):
            document.report(
                (*path, "limit_w"),
                "trips inside what the limits allow",
                got=f"{watch.bound_w:g} W with its tolerance",
                expected=f"at least {min(allowed):g} W",
            )
        slowest_s = max((p.restrict_s for limit in limits if (p := predict(site, limit)) is not None), default=0.0)
        if watch.delay_s < slowest_s:
            document.report(
                (*path, "delay_s"),
                "is shorter than the controller's own response",
                got=f"{watch.delay_s:g} s",
                expected=f"at least {ceil(10.0 * slowest_s) / 10.0:g} s",
                hint="`pcs check` itemises the predicted response; a faster meter or inverter shortens it",
            )
    updates_s = spec.meter.update_s if spec.meter is not None else None
    for key, given_s in (("missing_s", spec.missing_s), ("frozen_s", spec.frozen_s)):
        if updates_s is not None and given_s <= 2.0 * updates_s:
            document.report(
                ("supervisor", key),
                "is shorter than two updates of its meter",
                got=f"{given_s:g} s, update_s is {updates_s:g}",
                expected=f"more than {2.0 * updates_s:g} s",
            )
