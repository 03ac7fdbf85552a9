"""The report as one HTML file that needs nothing else: no network, and no script or colours to be read."""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hil.report.page import PRE_TEST, Pages
from hil.report.svg import STYLE
from hil.report.text import KINDS

TEMPLATES = Path(__file__).parent / "templates"
OPEN = ("fail", "invalid", "unsure", "notrun")
"""Verdicts whose cases are unfolded: what passed is folded."""


def report_html(pages: Pages) -> str:
    """The whole report."""
    return _rendered("report.html.j2", pages)


def application_html(pages: Pages) -> str:
    """The application sheet alone."""
    return _rendered("application.html.j2", pages)


def _rendered(name: str, pages: Pages) -> str:
    texts = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (TEMPLATES / "search.js").read_text(encoding="utf-8").strip()
    return texts.get_template(name).render(
        pages=pages,
        kinds=KINDS,
        opened=OPEN,
        pre_test=PRE_TEST,
        svg=Markup,  # what `hil.report.svg` wrote, which escapes every word itself
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8").strip() + "\n" + STYLE),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
