"""A site file as a `Site`, or everything that is wrong with it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pcs.config.check_preset import remarks, with_preset
from pcs.config.checks import report_cross_checks
from pcs.config.explain import validate
from pcs.config.limits import limit, mode_limits
from pcs.config.parts import der_spec, link, point_of, point_specs
from pcs.config.presets import preset_of
from pcs.config.problems import ConfigError
from pcs.config.profiles import load_profiles
from pcs.config.refusals import report_refusals
from pcs.config.reversion import with_reversions
from pcs.config.schema import ControllerBlock, CtBlock, MeterBlock, SiteFile
from pcs.config.supervisor import supervisor_spec
from pcs.config.wishes import report_wishes
from pcs.config.yaml_marks import Document, load
from pcs.model.preset import PLAIN
from pcs.model.profile import DeviceProfile
from pcs.model.site import (
    CurrentTransformer,
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
    preset = PLAIN if parsed.preset is None else preset_of(parsed.preset, document)
    if preset is None:
        raise ConfigError(document.problems)
    site = _site(parsed, path, document.digest, known)
    listed = len(parsed.limits)
    if parsed.preset is not None:
        site = with_preset(document, site, preset, listed)
    site = with_reversions(site)
    site = replace(site, supervisor=supervisor_spec(parsed, site, known))
    if parsed.preset is not None:
        site = replace(site, preset=replace(preset, remarks=remarks(document, site, listed)))
    report_refusals(document, site, len(parsed.limits))
    if document.problems:
        raise ConfigError(document.problems)
    return site


def _site(parsed: SiteFile, path: Path, digest: str, profiles: Mapping[str, DeviceProfile]) -> Site:
    return Site(
        name=parsed.site.name,
        timezone=parsed.site.timezone,
        system=System(parsed.site.system),
        nominal_v=parsed.site.nominal_v,
        meters=tuple(_meter(block, parsed, profiles) for block in parsed.meters),
        ders=tuple(der_spec(block, parsed.site, profiles) for block in parsed.ders),
        points=point_specs(parsed),
        limits=(*(limit(block) for block in parsed.limits), *mode_limits(parsed.modes)),
        journal_dir=str((path.parent / parsed.journal.dir).resolve()),
        tuning=_tuning(parsed.controller),
        digest=digest,
    )


def _meter(block: MeterBlock, parsed: SiteFile, profiles: Mapping[str, DeviceProfile]) -> MeterSpec:
    return MeterSpec(
        id=block.id,
        profile=profiles[block.profile],
        link=link(block.link),
        unit=block.unit,
        point=point_of(block, parsed),
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


def _tuning(block: ControllerBlock) -> Tuning:
    return Tuning(
        release_slew_pct_s=block.release_slew_pct_s,
        cycle_s=block.cycle_s,
        credited_min_load_w=block.credited_min_load_w,
        telemetry_poll_s=block.telemetry_poll_s,
        verify_s=block.verify_s,
    )
