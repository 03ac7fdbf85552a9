"""Writes a report's files."""

from dataclasses import dataclass
from pathlib import Path

from hil.report.access import Records
from hil.report.compose import compose
from hil.report.html import application_html, report_html
from hil.verdict.model import CampaignResult

HTML, APPLICATION, PDF = "report.html", "application.html", "report.pdf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Files that were written, in order."""

    files: tuple[Path, ...]


def write_report(
    result: CampaignResult, records: Records, folder: Path, *, pdf: bool = False, everything: bool = False
) -> Written:
    """Write report.html and application.html, and report.pdf if it is wanted (`everything`: with all cases).

    Raises:
        OSError: a file cannot be written. What is there already is replaced whole or not at all.
    """
    pages = compose(result, records)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {HTML: report_html(pages).encode(), APPLICATION: application_html(pages).encode()}
    if pdf:
        from hil.report.pdf import report_pdf  # typst takes half a second to load, which a page does not need

        texts[PDF] = report_pdf(pages, everything=everything)
    return Written(files=tuple(_whole(folder / name, content) for name, content in texts.items()))


def _whole(path: Path, content: bytes) -> Path:
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(content)
    beside.replace(path)
    return path
