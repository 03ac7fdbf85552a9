"""The supervisor's block of a site file as the model has it, with what the file may leave out."""

from collections.abc import Mapping, Sequence

from pcs.config.parts import link
from pcs.config.schema import SiteFile
from pcs.config.supervisor_schema import GpioBlock, RelayBlock, SupervisorBlock, SupervisorMeterBlock, WatchBlock
from pcs.model.limit import Basis, Direction, Limit, Quantity, Scope
from pcs.model.profile import DeviceProfile
from pcs.model.site import CurrentTransformer, MeterSign, MeterSpec, Site
from pcs.model.supervisor import BoardRelay, Feedback, GpioLine, PulsedRelay, Rearm, SupervisorSpec, Watch

IMPOSSIBLE = 10.0
"""A flow of ten times all DERs together is a wrong register or a wrong CT ratio, not a flow."""


def supervisor_spec(parsed: SiteFile, site: Site, profiles: Mapping[str, DeviceProfile]) -> SupervisorSpec | None:
    """The supervisor that the file describes; None without one."""
    block = parsed.supervisor
    if block is None:
        return None
    ratings_w = sum(max(der.nameplate_w, der.charge_w) for der in site.ders)
    feedback = block.feedback
    return SupervisorSpec(
        meter=_meter(block, site, profiles),
        shared_with=block.same_as,
        contact=None if block.contact is None else _gpio(block.contact),
        watches=tuple(_watch(entry, site.limits, site.preset.supervisor_delay_s) for entry in block.watch),
        missing_s=_missing_s(block, site),
        frozen_s=block.frozen_s,
        implausible_s=block.implausible_s,
        clear_s=block.clear_s,
        settle_s=block.settle_s,
        most_w=block.most_w or IMPOSSIBLE * ratings_w,
        nominal_v=site.nominal_v,
        relay=_relay(block.relay),
        feedback=None
        if feedback is None
        else Feedback(
            gpio=None if feedback.gpio is None else _gpio(feedback.gpio),
            board_input=None if feedback.input is None else feedback.input - 1,
            active_means_closed=feedback.closed_when == "active",
        ),
        rearm=Rearm()
        if block.rearm is None
        else Rearm(after_s=block.rearm.after_s, most=block.rearm.most, within_s=block.rearm.within_s),
    )


def watched(limits: Sequence[Limit], direction: Direction) -> tuple[Limit, ...]:
    """The limits that a watch in this direction stands behind: watts of all sources in total at the POI."""
    return tuple(
        limit
        for limit in limits
        if limit.point == "poi"
        and limit.direction is direction
        and limit.quantity is Quantity.W
        and limit.basis is Basis.TOTAL
        and limit.scope is Scope.ALL
    )


def loosest_w(limit: Limit) -> float | None:
    """The most that a limit ever allows (W); None: at some time it does not hold."""
    values = [limit.value, *(window.value for window in limit.schedule)]
    known = [v for v in values if v is not None]
    return max(known) if len(known) == len(values) else None


def _missing_s(block: SupervisorBlock, site: Site) -> float:
    """As the file says, else as the preset does, else the default."""
    preset_s = site.preset.missing_data_s
    return block.missing_s if preset_s is None or "missing_s" in block.model_fields_set else preset_s


def _watch(block: WatchBlock, limits: Sequence[Limit], preset_s: float | None) -> Watch:
    direction = Direction(block.direction)
    behind = watched(limits, direction)
    loosest = [(w, limit) for limit in behind if (w := loosest_w(limit)) is not None]
    limit_w = block.limit_w if block.limit_w is not None else min((w for w, _ in loosest), default=0.0)
    allowed_s = min(
        (limit.correct_within_s for limit in behind), default=Limit(direction=direction, value=0.0).correct_within_s
    )
    return Watch(
        direction=direction,
        limit_w=limit_w,
        tolerance_w=block.tolerance_w,
        delay_s=next((s for s in (block.delay_s, preset_s) if s is not None), allowed_s),
    )


def _meter(block: SupervisorBlock, site: Site, profiles: Mapping[str, DeviceProfile]) -> MeterSpec | None:
    if block.same_as is not None:
        return next(meter for meter in site.meters if meter.id == block.same_as)
    return None if block.meter is None else _own(block.meter, profiles)


def _own(block: SupervisorMeterBlock, profiles: Mapping[str, DeviceProfile]) -> MeterSpec:
    return MeterSpec(
        id="supervisor",
        profile=profiles[block.profile],
        link=link(block.link),
        unit=block.unit,
        point="poi",
        sign=MeterSign(block.sign),
        ct=CurrentTransformer(ratio=block.ct_ratio),
        update_s=block.update_s,
    )


def _gpio(block: GpioBlock) -> GpioLine:
    return GpioLine(chip=block.chip, line=block.line, active_low=block.active_low)


def _relay(block: RelayBlock) -> PulsedRelay | BoardRelay:
    if block.gpio is not None:
        return PulsedRelay(output=_gpio(block.gpio), pulse_hz=block.pulse_hz, hold_s=block.hold_s)
    assert block.board is not None, "the checks have refused a relay that is neither"
    assert block.unit is not None, "the checks have refused a board without a unit"
    return BoardRelay(link=link(block.board), unit=block.unit, coil=block.relay - 1, hold_s=block.hold_s)
