"""`hil measure`: an OLRT with its uncertainty from anyone's recording."""

import dataclasses
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hil.analysis.judge import Judgement
    from hil.analysis.result import Measurement
    from hil.analysis.uncertainty import Budget

EXIT_NOT_PASSED = 1
CRD_WITHIN_S = 30.0  # CRD-OLRT-2: the greatest OLRT, the one number of the CRD that is public
OUTPUT_NAME = re.compile(r"(?i)export|inject|(^|[_. ])(inv|der|pv|gen|ess|bat|output|evse|out)")
DIGITS = 6
SMALL_SHARE = 0.05  # of the largest source: its square is a quarter of a percent of that one


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--stimulus", required=True, metavar="CHANNEL", help="What stepped: the load, the sun, a contact.")
@click.option(
    "--response", required=True, metavar="CHANNEL", help="What answers: flow at the point, or a DER's output."
)
@click.option(
    "--limit", "limit_value", type=click.FloatRange(min=0), metavar="W", help="The limit, a magnitude (W or A)."
)
@click.option("--quantity", type=click.Choice(["w", "a"]), default="w", help="Power, or current per conductor.")
@click.option(
    "--side",
    type=click.Choice(["below", "above"]),
    help="Where the response is beyond the limit: below -limit (export, import-positive flow; the default) or above "
    "+limit (import, current, a DER's injection; the default for names such as inv1_w or export_w).",
)
@click.option(
    "--tolerance", "tolerance_value", type=click.FloatRange(min=0), help="Beyond the limit by so much is on it."
)
@click.option("--within", "within_s", type=click.FloatRange(min=0, min_open=True), help="Judged time that passes (s).")
@click.option("--step", "number", type=click.IntRange(min=1), default=1, help="Which step of the stimulus, from 1.")
@click.option("--from", "from_s", type=float, help="Look at the record from this time on (t_s).")
@click.option("--to", "to_s", type=float, help="Look at the record up to this time (t_s).")
@click.option(
    "--averaging", "averaging_s", type=click.FloatRange(min=0), default=0.0, help="Window of each sample (s)."
)
@click.option("--delay", "delay_s", type=float, default=0.0, help="The response's instrument is later by this (s).")
@click.option("--delay-u", "u_delay_s", type=click.FloatRange(min=0), default=0.0, help="Half-width of --delay (s).")
@click.option(
    "--clock-ppm",
    "clock_ppm_ratio",
    type=click.FloatRange(min=0),
    default=50.0,
    help="Standard uncertainty of the clock's rate.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def measure(context: click.Context, /, file: Path, as_json: bool, **asked: Any) -> None:
    """Measure the response in FILE (CSV with first column t_s, or COMTRADE) to a step of the stimulus.

    A CHANNEL is a column; a+b+c are phases and their sum; v*i (or v1*i1+v2*i2+v3*i3) is the true power of waveforms;
    rms(i) the RMS of one. Exit codes: 0 pass or no criterion, 1 any other verdict, 2 usage or a
    file that cannot be read.
    """
    judgement = _judged(file, **asked)
    text = _json(file, judgement) if as_json else _page(file, judgement, asked)
    click.echo(text)
    verdict = judgement.headline.verdict
    context.exit(0 if verdict is None or verdict.value == "PASS" else EXIT_NOT_PASSED)


def _judged(
    file: Path,
    *,
    stimulus: str,
    response: str,
    quantity: str,
    side: str | None,
    limit_value: float | None,
    within_s: float | None,
    from_s: float | None,
    to_s: float | None,
    averaging_s: float,
    delay_s: float,
    u_delay_s: float,
    clock_ppm_ratio: float,
    **rest: Any,
) -> "Judgement":
    # numpy takes 0.1 s and 20 MB, which no other command of the bench should pay
    from hil.analysis.build import Quantity
    from hil.analysis.channel import ChannelError, parse_channel
    from hil.analysis.judge import judge_blocks
    from hil.analysis.movement import Side
    from hil.analysis.result import Question
    from hil.analysis.uncertainty import Instruments
    from hil.record.blocks import open_blocks
    from hil.record.recording import RecordingError

    question = Question(
        side=Side(side) if side else _side_of(response, quantity),
        limit_value=limit_value,
        within_s=within_s if within_s is not None or limit_value is None else CRD_WITHIN_S,
        instruments=Instruments(
            clock_ratio=clock_ppm_ratio * 1e-6, delay_s=delay_s, u_delay_s=u_delay_s, averaging_s=averaging_s
        ),
        **rest,
    )
    try:
        recording = open_blocks(file)
        step, answer = (parse_channel(said, recording.names) for said in (stimulus, response))
        columns = {name for term in (*step, *answer) for name in term.columns}
        return judge_blocks(recording.between(from_s, to_s, columns), step, answer, Quantity(quantity), question)
    except (RecordingError, ChannelError) as error:
        place = f"{file}: " if isinstance(error, ChannelError) else ""
        raise click.ClickException(f"{place}{error}") from None


def _side_of(response: str, quantity: str) -> Any:
    from hil.analysis.movement import Side

    own = OUTPUT_NAME.search(response) is not None
    unsigned = quantity == "a" and "rms(" in response
    return Side.ABOVE if own or unsigned else Side.BELOW


def _json(file: Path, judgement: "Judgement") -> str:
    found = _plain(judgement.headline)
    found |= {"file": file.name, "quantity": judgement.quantity.value, "side": judgement.side.value}
    found["channel"] = judgement.name
    found["parts"] = {name: _plain(part) for name, part in judgement.parts.items()}
    return json.dumps(found, indent=2, allow_nan=False)


def _plain(found: "Measurement") -> dict[str, Any]:
    """The keys of the contract first; the unit of a value is said by `quantity`."""
    facts = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    names = {"initial_value": "initial", "extreme_value": "extreme", "final_value": "final"}
    if found.budget is not None:
        facts["budget"] = {name: round(v, DIGITS) for name, v in dataclasses.asdict(found.budget).items()}
    plain = {names.get(key, key): round(v, DIGITS) if isinstance(v, float) else v for key, v in facts.items()}
    first: tuple[str, ...] = (
        "t0_s",
        "olrt_s",
        "olrt_judged_s",
        "olrt_u95_s",
        "back_under_limit_s",
        "settling_2pct_s",
        "settling_5pct_s",
    )
    first += ("overshoot_pct", "initial", "extreme", "final", "direction", "grade", "verdict", "reason")
    return {key: plain.pop(key) for key in first} | plain


def _sources(budget: "Budget") -> str:
    """The sources that matter, the largest first."""
    parts = sorted(dataclasses.asdict(budget).items(), key=lambda part: -part[1])
    shown = [(name, u_s) for name, u_s in parts if u_s > SMALL_SHARE * parts[0][1]]
    words = [f"{name.removesuffix('_s').replace('_', ' ')} {u_s:.2g} s" for name, u_s in shown]
    return ", ".join(words) or "nothing"


def _page(file: Path, judgement: "Judgement", asked: dict[str, Any]) -> str:
    found, unit = judgement.headline, judgement.quantity.value.upper()
    lines = [f"{file.name}: response of {judgement.name} to a step of {asked['stimulus']}"]
    if found.verdict is not None and found.verdict.value == "INVALID":
        return "\n".join([*lines, f"INVALID: {found.reason}"])

    def row(label: str, value: float | None, what: str, u_value: float | None = None, tail: str = "") -> None:
        if value is not None:
            spread = f" ± {u_value:.2g}" if u_value is not None else ""
            lines.append(f"  {label:<24}{value:.5g}{spread} {what}{'  ' + tail if tail else ''}")

    if found.t0_s is not None:  # a clock that counts from 1970 needs all its digits
        spread = f" ± {found.t0_u95_s:.2g}" if found.t0_u95_s is not None else ""
        lines.append(f"  {'step at':<24}{round(found.t0_s, 4):.14g}{spread} s  {found.stimulus_value:+.5g}")
    row("initial", found.initial_value, unit)
    row("extreme after the step", found.extreme_value, unit)
    row("final", found.final_value, unit, found.final_u95_value)
    row("OLRT, literal", found.olrt_s, "s", found.olrt_u95_s, "90 % of initial to final, before any overshoot")
    way = found.direction.value if found.direction else "no movement"
    row("90 % from the extreme", found.t90_from_extreme_s, "s", None, f"direction: {way}")
    row(
        "back under the limit",
        found.back_under_limit_s,
        "s",
        None,
        f"tolerance {found.tolerance_value or 0:.4g} {unit}",
    )
    row("judged", found.olrt_judged_s, "s", found.olrt_judged_u95_s, "the larger of the two above")
    if found.budget is not None:
        lines.append(f"  {'its uncertainty is of':<24}{_sources(found.budget)}")
    row("settling, 2 %", found.settling_2pct_s, "s")
    row("settling, 5 %", found.settling_5pct_s, "s")
    row("overshoot", found.overshoot_pct, "%")
    row("greatest excess", found.peak_excess_value, unit)
    row("inadvertent", found.inadvertent_value, f"{unit}h")
    row("dead time", found.dead_time_s, "s", None, "of a first-order response: a diagnosis")
    row("lag", found.lag_s, "s", None, f"misfit {found.lag_misfit_pct or 0:.2g} %")
    for name, part in judgement.parts.items():
        word = part.verdict.value if part.verdict else ""
        judged = f"judged {part.olrt_judged_s:.4g} s " if part.olrt_judged_s is not None else ""
        lines.append(f"  {name:<24}{judged}{word} {part.reason}".rstrip())
    lines += [f"  note: {note}" for note in found.notes]
    grade = found.grade.value if found.grade else "-"
    lines.append(f"grade {grade} (A waveforms, B values at most 0.2 s wide, C meter polling: for screening)")
    lines.append(
        f"{found.verdict.value if found.verdict else 'no criterion'}{': ' + found.reason if found.reason else ''}"
    )
    if found.limit_value is not None:
        beyond = f"below -{found.limit_value:g}" if judgement.side.value == "below" else f"above {found.limit_value:g}"
        lines.append(f"limit: {beyond} {unit} is beyond it (--side); uncertainties are expanded, 95 %; a pre-test")
    return "\n".join(lines)
