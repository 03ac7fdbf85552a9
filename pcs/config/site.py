"""A site file as a `Site`, or everything that is wrong with it."""

from collections.abc import Mapping
from pathlib import Path

from pcs.config.addresses import parse_link
from pcs.config.checks import report_cross_checks
from pcs.config.explain import validate
from pcs.config.problems import ConfigError
from pcs.config.profiles import load_profiles
from pcs.config.schema import ControllerBlock, CtBlock, DerBlock, LimitBlock, MeterBlock, SiteFile
from pcs.config.wishes import report_wishes
from pcs.config.yaml_marks import Document, load
from pcs.model.limit import Basis, Direction, Limit, Quantity, Scope
from pcs.model.profile import DeviceProfile
from pcs.model.site import (
    CurrentTransformer,
    DerKind,
    DerSpec,
    LinkAddress,
    MeterSign,
    MeterSpec,
    Site,
    System,
    Tuning,
)


def load_site(path: Path | str, profiles: Mapping[str, DeviceProfile] | None = None) -> Site:
    """Read a site file.

    Args:
        path: The file; a relative journal folder in it is taken from this file's folder.
        profiles: Device profiles by id; those of this installation if None.

    Raises:
        ConfigError: with every problem of the file, each with its line.
    """
    path = Path(path)
    return site_of(load(path), path, profiles)


def site_of(document: Document, path: Path, profiles: Mapping[str, DeviceProfile] | None = None) -> Site:
    """The site of a parsed file that lies at `path`; arguments and errors as `load_site`."""
    if document.problems and document.data is None:
        raise ConfigError(document.problems)
    known = load_profiles() if profiles is None else profiles
    parsed = validate(SiteFile, document)
    report_cross_checks(document, known)
    report_wishes(document)
    if document.problems or parsed is None:
        raise ConfigError(document.problems)
    return _site(parsed, path, document.digest, known)


def _site(parsed: SiteFile, path: Path, digest: str, profiles: Mapping[str, DeviceProfile]) -> Site:
    return Site(
        name=parsed.site.name,
        timezone=parsed.site.timezone,
        system=System(parsed.site.system),
        nominal_v=parsed.site.nominal_v,
        meters=tuple(_meter(block, profiles) for block in parsed.meters),
        ders=tuple(_der(block, profiles) for block in parsed.ders),
        limits=tuple(_limit(block) for block in parsed.limits),
        journal_dir=str((path.parent / parsed.journal.dir).resolve()),
        tuning=_tuning(parsed.controller),
        digest=digest,
    )


def _meter(block: MeterBlock, profiles: Mapping[str, DeviceProfile]) -> MeterSpec:
    return MeterSpec(
        id=block.id,
        profile=profiles[block.profile],
        link=_link(block.link),
        unit=block.unit,
        point=block.point,
        sign=MeterSign(block.sign),
        ct=_ct(block.ct),
        class_pct=block.class_pct,
        creep_w=block.creep_w,
        update_s=block.update_s,
        averaging_s=block.averaging_s,
    )


def _ct(block: CtBlock) -> CurrentTransformer:
    given = block.class_ if block.class_ is not None else block.class_pct
    return CurrentTransformer(
        ratio=block.ratio,
        class_pct=given if given is not None else CurrentTransformer().class_pct,
        phase_error_deg=block.phase_error_deg,
    )


def _der(block: DerBlock, profiles: Mapping[str, DeviceProfile]) -> DerSpec:
    return DerSpec(
        id=block.id,
        kind=DerKind(block.kind),
        nameplate_w=block.nameplate_w,
        profile=None if block.profile is None else profiles[block.profile],
        link=None if block.link is None else _link(block.link),
        unit=1 if block.unit is None else block.unit,
        controlled=block.controlled,
        connection=block.connection,
    )


def _limit(block: LimitBlock) -> Limit:
    return Limit(
        point=block.point,
        direction=Direction(block.direction),
        quantity=Quantity(block.quantity),
        value=block.value,
        basis=Basis(block.basis),
        scope=Scope(block.scope),
        correct_within_s=block.correct_within_s,
        margin_w=block.margin,
        source=block.source,
    )


def _tuning(block: ControllerBlock) -> Tuning:
    return Tuning(
        release_slew_pct_s=block.release_slew_pct_s,
        cycle_s=block.cycle_s,
        credited_min_load_w=block.credited_min_load_w,
        telemetry_poll_s=block.telemetry_poll_s,
        verify_s=block.verify_s,
    )


def _link(text: str) -> LinkAddress:
    address = parse_link(text)
    assert address is not None, "report_cross_checks has refused every other text"
    return address
