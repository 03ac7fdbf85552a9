"""The library of device profiles that comes with this installation."""

from pathlib import Path

import pcs
from pcs.config.explain import validate
from pcs.config.problems import ConfigError, Problem
from pcs.config.profile_schema import BandBlock, LimitActionBlock, ProfileFile
from pcs.config.register_maps import limit_registers, register_map, report_register_mistakes
from pcs.config.yaml_marks import Document, load
from pcs.model.profile import (
    DerTiming,
    DeviceKind,
    DeviceProfile,
    Evidence,
    FallbackDirection,
    LimitAction,
    LinkTiming,
    MeterTiming,
    Persistence,
)
from pcs.model.units import Band

NOT_PROFILES = frozenset({"schema", "sites", "presets"})
"""Folders of `firmware_config` that hold something else."""
_METER_KEYS = ("update_s", "averaging_s")
_DER_KEYS = ("dead_time_s", "time_constant_s", "ramp_pct_s", "telemetry_s")


def profile_folder() -> Path:
    """Where `firmware_config` lies: inside an installed package, or beside the packages in a checkout."""
    package = Path(pcs.__file__).parent
    installed = package / "_data" / "firmware_config"
    return installed if installed.is_dir() else package.parent / "firmware_config"


def load_profiles(folder: Path | None = None) -> dict[str, DeviceProfile]:
    """Every profile by its id "vendor/model".

    Raises:
        ConfigError: with every problem of every profile.
    """
    folder = profile_folder() if folder is None else folder
    profiles: dict[str, DeviceProfile] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*/*.yaml")):
        if path.parent.name in NOT_PROFILES:
            continue
        document = load(path)
        identity = f"{path.parent.name}/{path.stem}"
        profile = profile_of(document, identity)
        problems += document.problems
        if profile is not None:
            profiles[identity] = profile
    if not profiles and not problems:
        problems.append(Problem(file=str(folder), line=None, path="", what="holds no device profiles"))
    if problems:
        raise ConfigError(problems)
    return profiles


def profile_of(document: Document, identity: str) -> DeviceProfile | None:
    """The profile of a parsed file; None when the document has problems."""
    parsed = validate(ProfileFile, document) if document.data is not None else None
    if parsed is not None:
        _report_contradictions(parsed, document)
        report_register_mistakes(parsed, document)
    return _profile(identity, parsed) if parsed is not None and not document.problems else None


def _report_contradictions(parsed: ProfileFile, document: Document) -> None:
    wanted, foreign = (_METER_KEYS, _DER_KEYS) if parsed.kind == "meter" else (_DER_KEYS, _METER_KEYS)
    for key in foreign:
        if getattr(parsed.timing, key) is not None:
            document.report(("timing", key), f"does not belong to a profile of kind {parsed.kind}")
    if parsed.kind == "meter":
        if parsed.limits:
            document.report(("limits",), "does not belong to a profile of kind meter")
        return
    for key in wanted:
        band = getattr(parsed.timing, key)
        if band is None:
            document.report(("timing", key), "is missing", expected=f"it in a profile of kind {parsed.kind}")
        elif isinstance(band, BandBlock) and band.fast > band.slow:
            document.report(("timing", key), "is upside down", expected="fast at most slow")
    for variant, action in (parsed.limits or {}).items():
        if (action.fallback == "safe") != (action.reversion_s is not None):
            # A safe fallback exists only while a timer is armed; an armed timer that opens must never be armed.
            document.report(("limits", variant, "reversion_s"), "contradicts the fallback", expected="a time if safe")
        elif action.reversion_s is not None and action.reversion_s < 3 * action.refresh_s:
            document.report(
                ("limits", variant, "reversion_s"),
                "is too short",
                got=f"{action.reversion_s:g}",
                expected=f"at least 3 x refresh_s = {3 * action.refresh_s:g}, so that one lost refresh is no alarm",
            )


def _profile(identity: str, parsed: ProfileFile) -> DeviceProfile:
    timing = parsed.timing
    der = None
    if timing.dead_time_s and timing.time_constant_s and timing.ramp_pct_s and timing.telemetry_s:
        der = DerTiming(
            dead_time_s=_band(timing.dead_time_s),
            time_constant_s=_band(timing.time_constant_s),
            ramp_pct_s=timing.ramp_pct_s,
            telemetry_s=timing.telemetry_s,
        )
    is_meter = parsed.kind == "meter"
    return DeviceProfile(
        id=identity,
        title=parsed.title,
        kind=DeviceKind(parsed.kind),
        protocol=parsed.protocol,
        evidence=Evidence[parsed.evidence.upper()],
        sources=tuple(parsed.sources),
        link=LinkTiming(
            deadline_s=parsed.link.deadline_s,
            min_gap_s=parsed.link.min_gap_s,
            late_window_s=parsed.link.late_window_s,
            broadcast=parsed.link.broadcast,
        ),
        meter=MeterTiming(update_s=timing.update_s, averaging_s=timing.averaging_s) if is_meter else None,
        der=der,
        limits={variant: _action(block) for variant, block in parsed.limits.items()} if parsed.limits else None,
        registers=None if parsed.registers is None else register_map(parsed.registers),
    )


def _band(block: BandBlock) -> Band:
    return Band(lo=block.fast, hi=block.slow)


def _action(block: LimitActionBlock) -> LimitAction:
    return LimitAction(
        persistence=Persistence(block.persistence),
        refresh_s=block.refresh_s,
        fallback=FallbackDirection(block.fallback),
        reversion_s=block.reversion_s,
        registers=None if block.registers is None else limit_registers(block.registers),
    )
