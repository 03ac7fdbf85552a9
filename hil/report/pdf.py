"""The report as PDF/A, by typst: the same pages, fonts that come with the packages, and no time but the campaign's."""

import json
import re
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import matplotlib
import typst

from hil.report.html import TEMPLATES
from hil.report.page import PRE_TEST, CasePage, Pages
from hil.report.svg import style_of
from hil.report.text import KINDS

TEMPLATE = "report.typ"
FONTS = str(Path(matplotlib.get_data_path()) / "fonts" / "ttf")  # DejaVu, the same on every machine
PDF_STANDARD: Final = "a-2b"  # ISO 19005-2: to be kept, with fonts inside, and nothing from outside
LONG_WORD = re.compile(r"\S{23,}")
BREAKS = re.compile(r"([/,_=:;.|-])|([0-9a-f]{16})(?=[0-9a-f])")
TIGHT = "\u00a0±\u00a0"
ZERO_WIDTH_SPACE = "\u200b"
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # of a campaign that does not say when it began


def report_pdf(pages: Pages, *, everything: bool = False) -> bytes:
    """The PDF: page one, matrix, every case that did not pass, one passing case of each profile, the sheet.

    `everything`: all cases.
    """
    begun = begun_at(pages.started_utc)
    return typst.compile(
        str(TEMPLATES / TEMPLATE),
        root=str(TEMPLATES),
        font_paths=[FONTS],
        ignore_system_fonts=True,
        format="pdf",
        pdf_standards=PDF_STANDARD,
        sys_inputs={"data": json.dumps(_data(pages, begun, everything=everything))},
        timestamp=int(begun.timestamp()),
        pdf_tags=False,  # tags of so many small tables make the file four times as large; the HTML is the readable form
    )


def report_pngs(pages: Pages, *, everything: bool = False, dots_per_in: int = 80) -> list[bytes]:
    """The pages of the PDF as pictures, to look at."""
    data = _data(pages, begun_at(pages.started_utc), everything=everything)
    made: Any = typst.compile(
        str(TEMPLATES / TEMPLATE),
        root=str(TEMPLATES),
        font_paths=[FONTS],
        ignore_system_fonts=True,
        format="png",
        ppi=float(dots_per_in),
        sys_inputs={"data": json.dumps(data)},
    )
    return made if isinstance(made, list) else [made]


def begun_at(started_utc: str) -> datetime:
    """The instant that a campaign says it began."""
    try:
        begun = datetime.fromisoformat(started_utc)
    except ValueError:
        return EPOCH
    return begun.astimezone(UTC) if begun.tzinfo else begun.replace(tzinfo=UTC)


def chosen(pages: Pages, *, everything: bool) -> tuple[CasePage, ...]:
    """The cases that go onto paper."""
    if everything:
        return pages.cases
    seen: set[str] = set()
    found = []
    for case in pages.cases:
        if case.kind.key == "cannot":
            continue  # the table of what the rig lacks has it
        profile = case.id.rpartition("/")[0]
        if case.kind.key == "pass" and profile in seen:
            continue
        if case.kind.key == "pass":
            seen.add(profile)
        found.append(case)
    return tuple(found)


def _data(pages: Pages, begun: datetime, *, everything: bool) -> dict[str, Any]:
    """The pages as plain values, with places where a long word may be broken."""
    cases = chosen(pages, everything=everything)
    left = sum(case.kind.key == "pass" for case in pages.cases) - sum(case.kind.key == "pass" for case in cases)
    more = f"{left} further cases passed; each has its page in the HTML report of the same digest." if left else ""
    plain: dict[str, Any] = asdict(replace(pages, cases=()))
    plain |= {"kinds": [asdict(kind) for kind in KINDS]}
    plain["cases"] = [asdict(replace(case, picture="")) for case in cases]
    plain = _soft(plain)
    for page, case in zip(plain["cases"], cases, strict=True):
        page["picture"] = style_of(case.picture) if case.picture else ""
        page["anchor"] = case.anchor
    operator = next((f.value for g in pages.groups for f in g.facts if f.label == "operator" and not f.flag), "")
    return plain | {
        "grids": [
            _soft(asdict(replace(it, rows=()))) | {"rows": [asdict(row) for row in it.rows]} for it in pages.grids
        ],
        "digest": pages.digest,
        "linked": [case.anchor for case in cases],
        "left_out": more,
        "pre_test": PRE_TEST,
        "author": operator,
        "footer": "Verdicts hold for the numbers of the profiles named in this report.",
        "date": {key: getattr(begun, key) for key in ("year", "month", "day", "hour", "minute", "second")},
    }


def _soft(value: Any) -> Any:
    """Texts with places for a break in every long word."""
    if isinstance(value, str):
        return LONG_WORD.sub(lambda word: BREAKS.sub(rf"\g<0>{ZERO_WIDTH_SPACE}", word[0]), value.replace(" ± ", TIGHT))
    if isinstance(value, dict):
        return {key: _soft(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_soft(part) for part in value]
    return value
