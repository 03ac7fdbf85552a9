"""A whole campaign judged from its runs. The same records give the same result, to the byte."""

from collections.abc import Iterable

from hil.analysis.result import Verdict
from hil.profile.mistake import BadFileError
from hil.profile.model import Case
from hil.profile.rig_sheet import parse_rig
from hil.record.model import Campaign, RunRecord
from hil.verdict.case import judge_case, not_run
from hil.verdict.gauges import Gauges, gauges_of
from hil.verdict.model import CampaignResult, CaseResult, RunResult
from hil.verdict.run import judge_run

ANALYSIS = "1"
"""Version of the rules by which records become verdicts; it changes when an old record could get another figure."""
LACKS = "not run: the rig lacks "


def gauges_of_campaign(campaign: Campaign) -> Gauges:
    """The measuring instruments by the sheet that the campaign keeps; none where it keeps no sheet that can be read."""
    try:
        return gauges_of(parse_rig(campaign.rig_text, campaign.rig_file))
    except BadFileError:
        return {}


def judge_campaign(campaign: Campaign, runs: Iterable[RunRecord]) -> CampaignResult:
    """Judge every case of a campaign. Runs are taken one by one, so that one record at a time is in memory."""
    gauges = gauges_of_campaign(campaign)
    return assembled(campaign, ((run.case, judge_run(run, gauges)) for run in runs))


def assembled(campaign: Campaign, measured: Iterable[tuple[Case, RunResult]]) -> CampaignResult:
    """The result from runs that are measured already, each with its case, in any order."""
    of_case: dict[tuple[str, str], list[RunResult]] = {}
    for case, run in measured:
        of_case.setdefault((case.id, case.hash), []).append(run)
    cases = tuple(_case(case, campaign, of_case.get((case.id, case.hash), [])) for case in campaign.cases)
    return CampaignResult(campaign=campaign, analysis=ANALYSIS, cases=cases)


def lacking(result: CaseResult) -> bool:
    """Whether the case was left out because this rig cannot do it."""
    return not result.runs and result.reason.startswith(LACKS)


def all_pass(result: CampaignResult) -> bool:
    """Whether every case that this rig can do passed, and there is one."""
    done = [case for case in result.cases if not lacking(case)]
    return bool(done) and all(case.verdict is Verdict.PASS for case in done)


def _case(case: Case, campaign: Campaign, runs: list[RunResult]) -> CaseResult:
    if not runs:
        lacks = campaign.lacks.get(case.id, ())
        return not_run(case, f"{LACKS}{'; '.join(lacks)}" if lacks else "not run: no record of it")
    return judge_case(case, runs)
