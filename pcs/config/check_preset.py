"""A preset against its site: what contradicts it is refused, what will not go well is said, each with its line."""

from dataclasses import replace

from pcs.config.problems import shown
from pcs.config.raw import RawBlock, block, number, word
from pcs.config.yaml_marks import Document, Path_
from pcs.core.predict import predict, update_s
from pcs.core.service import CONDUCTORS, conductor_v
from pcs.model.limit import Basis, Limit, Quantity, Scope
from pcs.model.lockout import LockoutAction
from pcs.model.preset import Fallback, Preset
from pcs.model.site import Site


def with_preset(document: Document, site: Site, preset: Preset, listed: int) -> Site:
    """The site under its preset; what contradicts it is reported. The first `listed` limits stand under `limits`.

    A limit whose `correct_within_s` the file leaves out gets the preset's.
    """
    limits = tuple(_within(document, limit, n, preset, listed) for n, limit in enumerate(site.limits))
    site = replace(site, limits=limits, preset=preset)
    _quantity(document, site, listed)
    for fallback in preset.fallbacks:
        _fallback(document, site, fallback, listed)
    _supervisor(document, preset)
    return site


def _supervisor(document: Document, preset: Preset) -> None:
    """Times of the supervisor that the file states must not be longer than the preset's."""
    raw = block(document, "supervisor")
    watches = raw.get("watch")
    stated: list[tuple[Path_, RawBlock, str, float | None]] = [
        (("supervisor", "missing_s"), raw, "missing_s", preset.missing_data_s)
    ]
    for n, one in enumerate(watches if isinstance(watches, list) else []):
        stated.append((("supervisor", "watch", n, "delay_s"), one, "delay_s", preset.supervisor_delay_s))
    for path, holder, key, most_s in stated:
        given_s = number(holder, key)
        if given_s is not None and most_s is not None and given_s > most_s:
            own = "missing_data_s" if key == "missing_s" else key
            document.report(
                path,
                f"is looser than the preset {preset.id}",
                got=f"{given_s:g}",
                expected=f"at most {most_s:g}",
                hint=f"or override supervisor.{own} under preset, with the document that allows it as reason",
            )


def _path(number_: int, listed: int, key: str) -> Path_:
    return ("limits", number_, key) if number_ < listed else ("modes", key)


def _within(document: Document, limit: Limit, n: int, preset: Preset, listed: int) -> Limit:
    path = _path(n, listed, "correct_within_s")
    if path not in document.lines:
        return replace(limit, correct_within_s=preset.correct_within_s)
    if limit.correct_within_s > preset.correct_within_s:
        document.report(
            path,
            f"is looser than the preset {preset.id}",
            got=f"{limit.correct_within_s:g}",
            expected=f"at most {preset.correct_within_s:g}",
            hint="leave it out; or override correct_within_s under preset, with the document that allows it as reason",
        )
    return limit


def _at_poi(limit: Limit) -> bool:
    return limit.point == "poi" and limit.scope is Scope.ALL


def _quantity(document: Document, site: Site, listed: int) -> None:
    wanted = site.preset.quantity
    for n, limit in enumerate(site.limits[:listed]):
        if wanted is None or not _at_poi(limit) or limit.quantity is wanted:
            continue
        ref = next((f.ref for f in site.preset.figures if f.key == "quantity"), "")
        path = _path(n, listed, "quantity")
        document.report(
            path if path in document.lines else path[:-1],
            f"contradicts the preset {site.preset.id} ({ref})",
            got=f"{limit.name}, in {limit.quantity.value.upper()}",
            expected=f"quantity: {wanted.value}, with the value of the agreement",
            hint="or override quantity with any under preset, with the document that allows it as reason",
        )


def _fallback(document: Document, site: Site, fallback: Fallback, listed: int) -> None:
    """No upstream system is ever heard in this version: what holds then must hold always."""
    most_w = fallback.limit_w * (CONDUCTORS[site.system] if fallback.per_phase else 1)
    each = f" ({fallback.limit_w:g} W on each of {CONDUCTORS[site.system]} phases)" if fallback.per_phase else ""
    mine = [(n, limit) for n, limit in enumerate(site.limits) if limit.direction is fallback.direction]
    mine = [(n, limit) for n, limit in mine if _at_poi(limit)]
    for _, limit in mine:
        loosest_w = _loosest_w(site, limit)
        if loosest_w is not None and loosest_w <= most_w:
            return
    path: Path_ = ("limits",) if not mine else _path(mine[0][0], listed, "value")
    document.report(
        path if path in document.lines else ("limits",),
        f"allows more than what the preset {site.preset.id} falls back to while no upstream system is heard",
        got=mine[0][1].name if mine else f"no {fallback.direction} limit",
        expected=f"a {fallback.direction} limit of at most {most_w:g} W{each}: this version hears no upstream system",
        hint=f"or override fallback.{fallback.direction}_w under preset, with the approval on record as reason",
    )


def _loosest_w(site: Site, limit: Limit) -> float | None:
    """The most that a limit ever allows in total (W); None: at some time it does not hold."""
    values = [limit.value, *(window.value for window in limit.schedule)]
    if any(value is None for value in values):
        return None
    most = max(value for value in values if value is not None)
    phases = CONDUCTORS[site.system]
    if limit.quantity is Quantity.A:
        return most * conductor_v(site.system, site.nominal_v) * phases
    return most if limit.basis is Basis.TOTAL else most * phases


def remarks(document: Document, site: Site, listed: int) -> tuple[str, ...]:
    """What is allowed, but will not go well or differs from the preset, each with its line."""
    return (*_overridden(document, site), *_too_slow(document, site, listed), *_no_relay(document, site))


def _said(document: Document, path: Path_, text: str) -> str:
    return f"{document.file.rpartition('/')[2]}:{document.line(path)}: {text}"


def _overridden(document: Document, site: Site) -> list[str]:
    raw = block(document, "preset").get("overrides")
    found = []
    for n, one in enumerate(raw if isinstance(raw, list) else []):
        reason = word(one, "reason")
        why = f"because of {shown(reason)}" if reason else "which is tighter"
        value = number(one, "value")
        given = word(one, "value") if value is None else f"{value:g}"
        found.append(
            _said(document, ("preset", "overrides", n), f"{one['key']} is {given} instead of the preset's, {why}")
        )
    return found


def _too_slow(document: Document, site: Site, listed: int) -> list[str]:
    """Responses that are longer than what the preset allows, or long enough to count towards a lock-out."""
    found = []
    rules = site.preset.lockout.rules if site.preset.lockout is not None else ()
    for n, limit in enumerate(site.limits):
        worst = predict(site, limit)
        if worst is None:
            continue
        path = _path(n, listed, "direction")
        if worst.restrict_s > limit.correct_within_s:
            text = (
                f"{limit.name}: may take {worst.restrict_s:.1f} s with the slowest plant of the profiles, and "
                f"{site.preset.id} allows {limit.correct_within_s:g} s; a profile of the very devices predicts closer"
            )
            found.append(_said(document, path, text))
        for rule in rules:
            if worst.restrict_s >= rule.lasting_s:
                does = "locks out" if rule.count == 1 else f"counts towards a lock-out at {rule.count}"
                text = (
                    f"{limit.name}: a full step may last {worst.restrict_s:.1f} s, and an excursion of "
                    f"{rule.lasting_s:g} s {does} (rule {rule.id})"
                )
                found.append(_said(document, path, text))
    seen_s = max((update_s(meter) for meter in site.meters), default=0.0)
    for rule in rules:
        if rule.lasting_s < seen_s:
            text = f"rule {rule.id} is about {rule.lasting_s:g} s, and a meter tells once in {seen_s:g} s: seen late"
            found.append(_said(document, ("meters",), text))
    return found


def _no_relay(document: Document, site: Site) -> list[str]:
    rules = site.preset.lockout
    if rules is None or rules.action is not LockoutAction.TRIP or site.supervisor is not None:
        return []
    text = f"{site.preset.id} asks a relay to open at a lock-out, and the site has none: DERs that do not obey go on"
    return [_said(document, ("preset",), text)]
