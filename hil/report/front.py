"""Page one: who, where, what was tested with which instruments, and what the numbers may be called."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from hil.analysis.result import Grade
from hil.profile.mistake import BadFileError
from hil.profile.rig_sheet import RigSheet, parse_rig
from hil.profile.words import ACTING, Provenance
from hil.record.model import Campaign
from hil.report.page import Fact, Group, Table
from hil.report.text import NOT_STATED, number
from hil.verdict.model import CampaignResult

SIMULATED = "simulated"
LASTING = ("serial", "version", "firmware", "hardware", "model", "maker")  # what one device keeps through a campaign
SHOWN_MAX = 4
GRADES = {
    Grade.A: "power from waveforms",
    Grade.B: "values at most 0.2 s wide and apart",
    Grade.C: "meter polling, for screening only",
}


def stated(label: str, value: str, *, warn: bool = False) -> Fact:
    """A fact, or that nobody stated it."""
    if not value.strip():
        return Fact(label=label, value=NOT_STATED, flag="unstated")
    return Fact(label=label, value=value, flag="warn" if warn else "")


def _gathered(deviations: Sequence[str]) -> list[str]:
    """Deviations of single profiles by what deviates, with the profiles behind it; the others as they are."""
    found: dict[str, list[str]] = {}
    for said in deviations:
        head, _, rest = said.partition(": ")
        is_profile = bool(rest) and "/" in head and " " not in head
        found.setdefault(rest if is_profile else said, []).extend([head] if is_profile else [])
    return [f"{what} ({', '.join(heads)})" if heads else what for what, heads in found.items()]


def sheet_of(campaign: Campaign) -> RigSheet | str:
    """The rig's sheet as the campaign kept it, or why it cannot be read."""
    try:
        return parse_rig(campaign.rig_text, campaign.rig_file)
    except BadFileError as error:
        return str(error.mistakes[0])


def campaign_digest(result: CampaignResult) -> str:
    """SHA-256 over the lines `DIGEST  FOLDER` of all runs, by folder: what `sort` and `sha256sum` make of them too."""
    runs = sorted((run.folder, run.digest) for case in result.cases for run in case.runs)
    return hashlib.sha256("".join(f"{digest}  {folder}\n" for folder, digest in runs).encode()).hexdigest()


def groups_of(
    result: CampaignResult, sheet: RigSheet | str, identities: Sequence[Mapping[str, str]], digest: str
) -> tuple[Group, ...]:
    """Everything of page one that is a label and a value."""
    people, campaign = result.campaign.people, result.campaign
    laboratory = people.laboratory or (sheet.laboratory if isinstance(sheet, RigSheet) else "")
    test = (
        stated("begun", campaign.started_utc),
        stated("operator", people.operator),
        stated("laboratory", laboratory),
        stated("witness", people.witness),
        stated("supply", people.supply),
        stated("ambient", people.ambient),
        stated("deviations", "; ".join(_gathered(people.deviations))),
    )
    versions = [Fact(label=f"version of {name}", value=said) for name, said in sorted(campaign.versions.items())]
    judged = [
        stated("analysis version", result.analysis),
        Fact(label="digest of all records", value=f"SHA-256 {digest}"),
    ]
    return (
        Group(title="Test", facts=test),
        Group(title="Device under test", facts=(*_device(sheet), *_identity(identities))),
        Group(title="Rig", facts=_rig_facts(campaign, sheet)),
        Group(title="Software and digest", facts=(*judged, *versions)),
    )


def files_table(campaign: Campaign) -> Table:
    """Every file that the campaign was made from, by its digest."""
    return Table(title="Files of the campaign", head=("file", "SHA-256"), rows=campaign.digests, align="ll")


def _device(sheet: RigSheet | str) -> tuple[Fact, ...]:
    labels = ("maker", "model", "serial", "hardware", "firmware")
    if isinstance(sheet, str):
        return tuple(stated(label, "") for label in labels)
    said = [stated(label, getattr(sheet.device, label) or "") for label in labels]
    ratings = ", ".join(f"{name} {text}" for name, text in sheet.device.ratings.items())
    regime = [Fact(label="commissioned for", value=sheet.device.regime)] if sheet.device.regime else []
    return (*said, *regime, stated("ratings", ratings))


def _identity(identities: Sequence[Mapping[str, str]]) -> tuple[Fact, ...]:
    """What the runs found. A version or serial number that changed is a warning: two devices, or a changed one.

    Other things may well differ from run to run, as the configuration, which holds the limit of its case.
    """
    found: dict[str, dict[str, None]] = {}
    for identity in identities:
        for name, value in identity.items():
            found.setdefault(name, {})[value] = None
    facts = []
    if not any(is_configuration(name) for name in found):
        facts.append(stated("configuration hash", ""))
    for name, values in sorted(found.items()):
        label = "configuration hash" if is_configuration(name) else name.replace("_", " ")
        fixed = any(word in name.lower() for word in LASTING)
        text = next(iter(values)) if len(values) == 1 else f"{len(values)} different values, each with its run's record"
        if len(values) > 1 and fixed:
            text = f"{' | '.join(list(values)[:SHOWN_MAX])} (differs between runs)"
        facts.append(stated(f"{label} (found)", text, warn=len(values) > 1 and fixed))
    return tuple(facts)


def is_configuration(name: str) -> bool:
    """Whether a rig means the hash of the device's configuration by this name."""
    return "config" in name.lower()


def _rig_facts(campaign: Campaign, sheet: RigSheet | str) -> tuple[Fact, ...]:
    if isinstance(sheet, str):
        return (
            stated("sheet", campaign.rig_file),
            Fact(label="sheet cannot be read", value=sheet, flag="warn"),
        )
    return (
        Fact(label="rig", value=f"{sheet.id}: {sheet.title}"),
        Fact(label="system", value=sheet.system),
        stated("sheet", campaign.rig_file),
    )


def instruments_of(sheet: RigSheet | str, started_utc: str) -> Table:
    """Every role of the rig: by what it is done, and until when its calibration holds. It counts at the begin."""
    rows = []
    for role, part in sheet.roles.items() if isinstance(sheet, RigSheet) else ():
        due = part.calibration_due
        if due and due < started_utc[:10]:
            due = f"{due} EXPIRED"
        measures = role not in ACTING
        rows.append(
            (
                role.value,
                part.driver,
                part.instrument or (part.driver if part.driver == SIMULATED else NOT_STATED),
                due or ("-" if part.driver == SIMULATED else NOT_STATED),
                _seconds(part.update_s, measures=measures),
                _seconds(part.group_delay_s, measures=measures),
                f"{100 * part.uncertainty_ratio:g} %" if part.uncertainty_ratio is not None else "-",
            )
        )
    head = ("role", "driver", "instrument", "calibration due", "update", "group delay", "uncertainty")
    return Table(title="Instruments", head=head, rows=tuple(rows), align="llllrrr")


def _seconds(value_s: float | None, *, measures: bool) -> str:
    if value_s is None:
        return NOT_STATED if measures else "-"
    return f"{number(value_s)} s"


def naming_of(result: CampaignResult, sheet: RigSheet | str) -> tuple[str, ...]:
    """What the numbers may be called, one paragraph each."""
    versions: dict[int, set[str]] = {}
    for found in result.cases:
        versions.setdefault(found.case.version, set()).add(found.case.profile)
    profiles = [f"in version {number_}: {', '.join(sorted(names))}" for number_, names in sorted(versions.items())]
    said = [
        "These figures are a pre-test against the profile and version named beside them. They are not certified, and "
        "no figure may be called a pass of a standard: verdicts hold for the numbers of the profiles alone.",
        f"Tested against profiles {'; '.join(profiles)}." if profiles else "Nothing was tested.",
        _provenance_text(result),
        _grade_text(result),
    ]
    if isinstance(sheet, RigSheet):
        roles = [role.value for role, part in sheet.roles.items() if part.driver == SIMULATED]
        if roles:
            said.append(f"Simulated on this rig, not measured on hardware: {', '.join(roles)}.")
    return tuple(text for text in said if text)


def _provenance_text(result: CampaignResult) -> str:
    counts = Counter(criterion.provenance for found in result.cases for criterion in found.case.criteria)
    if not counts:
        return ""
    words = {
        Provenance.STANDARD: "from a standard's text that the laboratory brought",
        Provenance.PUBLIC: "public",
        Provenance.PROJECT_DEFAULT: "defaults of this project, because nobody has published one",
        Provenance.DEVICE: "ratings of the device under test",
    }
    parts = [f"{counts[key]} {words[key]}" for key in Provenance if counts[key]]
    return f"Of the {sum(counts.values())} limits of criteria, the least known number in each is: {_listed(parts)}."


def _grade_text(result: CampaignResult) -> str:
    counts = Counter(found.grade for found in result.cases if found.grade is not None)
    if not counts:
        return "No record has a grade of timing."
    parts = [f"{counts[grade]} cases of grade {grade.value} ({GRADES[grade]})" for grade in Grade if counts[grade]]
    return f"Timing: {_listed(parts)}."


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(parts)
