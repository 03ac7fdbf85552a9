"""What a campaign is made of: cases, people, digests and versions; and what of it has changed when it goes on."""

import hashlib
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pcs.model
from hil.profile.expand import case_hash
from hil.profile.lint import Lack, lint_case
from hil.profile.model import Case, Profile
from hil.profile.rig_sheet import RigSheet
from hil.record.model import Campaign, People
from hil.runner.play import utc_text

PACKAGES = ("openpcs", "numpy", "pymodbus", "h5py")
CODE = (
    Path(__file__).parents[1],
    Path(pcs.model.__file__).parents[1],
)  # the bench; the controller, as the simulated rig runs it
SHOWN_DIGITS = 12


def versions() -> dict[str, str]:
    """What decides what a run does beside its files. `code` is a digest over the modules of this project."""
    return {**_packages(), "code": _code_digest()}


def _packages() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a checkout that was never installed; `code` tells it apart
            found[name] = "not installed"
    return found


@cache
def _code_digest() -> str:
    """Of the modules as they lie on the disk; what this process has loaded does not change any more."""
    digest = hashlib.sha256()
    for folder in CODE:
        for path in sorted(folder.rglob("*.py")):
            digest.update(f"{folder.name}/{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:SHOWN_DIGITS]


def repeated(profiles: Sequence[Profile], repeats: int | None) -> tuple[list[Case], tuple[str, ...]]:
    """The cases of some profiles, each with `repeats` repeats if that is said, and what deviates from the profiles."""
    cases: list[Case] = []
    deviations: dict[str, None] = {}
    for profile in profiles:
        for case in profile.cases:
            if repeats is not None and repeats != case.repeats:
                changed = replace(case, repeats=repeats)
                cases.append(replace(changed, hash=case_hash(changed)))
                deviations[
                    f"{case.profile}: {repeats} {'repeat' if repeats == 1 else 'repeats'} instead of {case.repeats}"
                ] = None
            else:
                cases.append(case)
    return cases, tuple(deviations)


def sorted_out(cases: Iterable[Case], sheet: RigSheet) -> tuple[list[Case], dict[str, tuple[Lack, ...]]]:
    """The cases that a rig can do, and those that it cannot, by their ids, with what it lacks."""
    able: list[Case] = []
    lacking: dict[str, tuple[Lack, ...]] = {}
    for case in cases:
        lacks = lint_case(case, sheet)
        if lacks:
            lacking[case.id] = tuple(lacks)
        else:
            able.append(case)
    return able, lacking


def make_campaign(
    profiles: Sequence[Profile],
    cases: Sequence[Case],
    sheet: RigSheet,
    people: People,
    lacking: Mapping[str, Sequence[Lack]],
) -> Campaign:
    """The campaign, as it is decided now. `cases` are all of them, also those that are `lacking` and not run.

    Raises:
        OSError: the rig's sheet cannot be read again.
    """
    digests = {name: digest for profile in profiles for name, digest in profile.digests}
    digests[sheet.file] = sheet.digest
    return Campaign(
        started_utc=utc_text(),
        people=people,
        rig_file=sheet.file,
        rig_text=Path(sheet.file).read_text(encoding="utf-8"),
        digests=tuple(digests.items()),
        versions=versions(),
        cases=tuple(cases),
        lacks={name: tuple(f"{lack.part}: {lack.what}" for lack in lacks) for name, lacks in lacking.items()},
    )


def changes(campaign: Campaign, base: Path, now: Mapping[str, str]) -> list[str]:
    """What is not as it was at the start, each named; `base` is the folder that names of files are relative to."""
    found = []
    for name, digest in campaign.digests:
        path = base / name
        try:
            same = hashlib.sha256(path.read_bytes()).hexdigest() == digest
        except OSError as error:
            found.append(f"{name}: cannot be read any more ({error.strerror})")
            continue
        if not same:
            found.append(f"{name}: has changed since the start")
    for name, was in campaign.versions.items():
        if now.get(name, "") != was:
            found.append(f"{name}: was {was}, is {now.get(name, 'not there')}")
    return found
