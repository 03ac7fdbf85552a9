"""From a judged campaign to the pages of its report."""

from hil.report.access import Records
from hil.report.case_page import case_page
from hil.report.front import campaign_digest, files_table, groups_of, instruments_of, naming_of, sheet_of
from hil.report.matrix import cannot_table, counts_of, families_table, grids_of
from hil.report.page import Pages
from hil.report.sheet import sheet_tables
from hil.report.text import KINDS, kind_of
from hil.verdict.model import CampaignResult


def compose(result: CampaignResult, records: Records) -> Pages:
    """Everything that a report says. Each run's record is read once, and none is kept."""
    sheet = sheet_of(result.campaign)
    digest = campaign_digest(result)
    ordered = sorted(result.cases, key=lambda found: KINDS.index(kind_of(found)))
    made = [case_page(found, records, result.campaign.people.deviations) for found in ordered]
    identities = [identity for each in made for identity in each.identities]
    return Pages(
        title="Pre-test of a Power Control System",
        started_utc=result.campaign.started_utc,
        digest=digest,
        groups=groups_of(result, sheet, identities, digest),
        instruments=instruments_of(sheet, result.campaign.started_utc),
        naming=naming_of(result, sheet),
        counts=counts_of(result),
        families=families_table(result),
        grids=grids_of(result),
        cannot=cannot_table(result),
        cases=tuple(each.page for each in made),
        files=files_table(result.campaign),
        sheet=sheet_tables(result, sheet),
    )
