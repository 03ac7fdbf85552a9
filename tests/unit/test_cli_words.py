"""What `pcs run` says: the site before it starts, events as sentences, local time."""

import io
import logging
import re
from pathlib import Path

import pytest

from pcs.cli.logs import TextFormatter
from pcs.cli.run import start_page
from pcs.cli.words import ALARMS, PLAIN, Words
from pcs.config import load_site
from pcs.config.profiles import profile_folder
from pcs.core.failsafe import Action
from pcs.model.event import Event, EventKind
from pcs.model.units import Instant

EXAMPLE = profile_folder() / "sites" / "example.yaml"
NOW = Instant(mono_s=1.0, utc_s=1.0)


def event(kind: EventKind, text: str = "", source_id: str = "", fault: str = "") -> Event:
    return Event(at=NOW, kind=kind, source_id=source_id, text=text, facts=(("fault", fault),) if fault else ())


def test_the_start_page_names_limits_margin_what_is_missing_and_where_to_look() -> None:
    page = "\n".join(start_page(load_site(EXAMPLE), Path("barn.yaml")))
    for words in (
        "controls Demo",
        "export limit 0 W at poi: the flow stays 26 W below it; corrected within 30 s",
        "inv1 10000 W, old 3000 W (not controlled); without a meter together at most 0 W",
        "in this version: no hard-limit supervisor, no relay",
        "note: inv1: if it is controlled by model 123, nothing tightens its limit",
        "pcs status barn.yaml",
        "journal: ",
    ):
        assert words in page


def test_a_start_frightens_nobody_and_the_same_fault_later_is_one() -> None:
    words = Words()
    lost = event(EventKind.FAULT_RAISED, "no valid meter sample: waiting", "poi", "METER_LOST")
    level, text = words.sentence(lost)
    assert level == logging.INFO
    assert "fault" not in text.lower()
    assert words.sentence(event(EventKind.FAULT_CLEARED, "no valid meter sample", "poi"))[1] == "poi: measures"
    level, text = words.sentence(event(EventKind.ACTION_CHANGED, "safe -> normal"))
    assert (level, text[:14]) == (logging.INFO, "control begins")
    assert words.sentence(lost) == (logging.WARNING, "poi: FAULT: no valid meter sample: waiting")
    assert words.sentence(event(EventKind.FAULT_CLEARED, "no valid meter sample", "poi"))[1] == (
        "poi: over: no valid meter sample"
    )


@pytest.mark.parametrize("action", list(Action))
def test_every_fail_safe_action_has_words(action: Action) -> None:
    words = Words()
    words.sentence(event(EventKind.ACTION_CHANGED, "safe -> normal"))
    level, text = words.sentence(event(EventKind.ACTION_CHANGED, f"normal -> {action.name.lower()}"))
    assert "->" not in text
    assert level == (logging.INFO if action is Action.NORMAL else logging.WARNING)


@pytest.mark.parametrize("kind", list(EventKind))
def test_every_kind_of_event_keeps_its_text(kind: EventKind) -> None:
    level, text = Words().sentence(event(kind, "what happened", "inv1"))
    assert "what happened" in text or kind is EventKind.FAULT_CLEARED or kind is EventKind.ACTION_CHANGED
    ordinary = logging.DEBUG if kind is EventKind.HEALTH else logging.INFO  # figures for the journal
    assert level == (logging.WARNING if kind in (*ALARMS, EventKind.ACTION_CHANGED) else ordinary)
    assert not set(ALARMS) & set(PLAIN)


def test_a_line_has_local_time_and_a_level_only_where_somebody_should_look() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(TextFormatter())
    for level, name in ((logging.INFO, "pcs"), (logging.WARNING, "pcs"), (logging.INFO, "pcs.io.x")):
        handler.handle(logging.LogRecord(name, level, "", 0, "inv1: found", (), None))
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    info, warning, other = out.getvalue().splitlines()
    assert re.fullmatch(f"{stamp} inv1: found", info)
    assert re.fullmatch(f"{stamp} WARNING inv1: found", warning)
    assert re.fullmatch(f"{stamp} pcs.io.x inv1: found", other)
