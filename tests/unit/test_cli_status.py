"""`pcs status` shows what it is given, and says what to do when nobody answers."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from pcs.cli.status import command, page

STATUS = {
    "schema": "pcs.status/1",
    "site": "Demo",
    "version": "0.1.0",
    "state": "unverified",
    "commissioned": False,
    "protections": ["no hard-limit supervisor"],
    "uptime_s": 7384.0,
    "point": {"import_w": -1234.0, "words": "exporting 1.2 kW", "demand_w": 5000.0, "age_s": 0.12},
    "limits": [{"name": "export limit 0 W at poi", "value": 0, "binding": True, "why": "demand is 5.0 kW"}],
    "ders": [
        {"id": "inv1", "state": "limited", "injection_w": 6234.0, "cap_w": 6200.0, "rating_w": 10000.0, "words": "ok"},
        {"id": "inv2", "state": "silent", "injection_w": None, "cap_w": None, "rating_w": 5000.0},
    ],
    "faults": [{"kind": "DER does not answer", "source": "inv2", "detail": "no reply", "since_s": 300.0}],
    "action": "others make room",
    "response": {
        "restrict": {
            "count": 3,
            "max_s": 0.81234,
            "average_s": 0.7,
            "last": {"kind": "load", "olrt_s": 0.75, "olrt_between_s": [0.6, 0.9], "step_w": -1542.0},
        },
        "release": {"count": 0},
        "method": "self-measured",
    },
    "excursions": {"count": 1, "longest_s": 0.5},
    "why": "inv2 is silent",
    "journal": {"dir": "/var/lib/pcs", "trouble": "no room for the journal"},
    "links": [{"address": "tcp://127.0.0.1:502", "requests": 12, "good": 10, "timeouts": 2, "bad": 0}],
}


def test_the_page_names_state_flow_binding_limit_devices_faults_and_journal_trouble() -> None:
    text = "\n".join(page(STATUS))
    for words in (
        "Demo · unverified · up 2 h · openpcs 0.1.0",
        "not commissioned: nobody has sealed",
        "what does not protect this site:\n  no hard-limit supervisor",
        "point: exporting 1.2 kW, demand 5,000 W, measured 0.1 s ago",
        "BINDING  export limit 0 W at poi  demand is 5.0 kW",
        "injects 6,234 W  cap 6,200 W of 10,000 W  limited: ok",
        "no cap of 5,000 W  silent",
        "inv2: DER does not answer  no reply  for 5 min",
        "fail-safe action: others make room, inv2 is silent",
        "release: none yet",
        "excursions: 1, longest 0.5 s",
        "restrict: 3 measured, longest 0.8123 s, average 0.7 s, last 0.75 s (0.6 to 0.9 s), "
        "after a load step of -1,542 W",
        "tcp://127.0.0.1:502  12 requests, 2 timeouts",
        "journal: /var/lib/pcs, TROUBLE: no room for the journal",
    ):
        assert words in text


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
values = st.recursive(
    scalars,
    lambda v: (
        st.lists(v, max_size=3) | st.dictionaries(st.sampled_from(["id", "words", "kind", "cap_w"]), v, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(STATUS)), values))
def test_any_status_whatever_it_lacks_makes_a_page(status: dict[str, object]) -> None:
    assert "point" in "\n".join(page(status))


def test_nobody_there_exits_3_and_says_how_to_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, [])
    assert result.exit_code == 3
    assert "pcs run SITE.yaml" in result.stderr
    result = CliRunner().invoke(command, ["--json"])
    assert result.exit_code == 3
    assert "no controller answers" in json.loads(result.stdout)["error"]


def test_a_limit_is_named_once_and_a_quiet_link_says_so() -> None:
    limit = {
        "name": "export limit 0 W at poi",
        "binding": True,
        "why": "export limit 0 W at poi binds: sun",
        "margin_w": 41.0,
    }
    link = {
        "address": "tcp://127.0.0.1:502",
        "requests": 12,
        "good": 12,
        "timeouts": 0,
        "connected": True,
        "last_error": "",
    }
    text = "\n".join(page({"limits": [limit], "links": [link], "action": "normal", "why": "sun"}))
    assert text.count("export limit 0 W") == 1
    assert "margin 41 W" in text
    assert "tcp://127.0.0.1:502  12 requests, all answered" in text
    assert "fail-safe action: normal\n" in text


def test_the_page_tells_how_well_links_loop_and_steps_do() -> None:
    health = {
        "last_good_age_s": 7.5,
        "retries": 3,
        "reconnects": 0,
        "latency": {"count": 9, "p50_s": 0.0126, "p99_s": 0.2},
    }
    figures = {"count": 5, "p50_s": 0.001, "p99_s": 0.0091, "longest_s": 0.02}
    status = {
        "links": [{"address": "tcp://h:502", "requests": 12, "good": 12, "health": health}],
        "health": {"loop_lag": figures, "step": {"count": 0}, "alarms": [{"source": "tcp://h:502", "words": "slow"}]},
    }
    text = "\n".join(page(status))
    for words in (
        "all answered, replies after 12.6 ms (half), 200 ms (99 %), no good reply for 7.5 s, 3 retries",
        "ALARM  tcp://h:502: slow",
        "event loop late by up to 1 ms (half) 9.1 ms (99 %), longest 20 ms",
    ):
        assert words in text
    assert "a step takes" not in text


def test_with_several_limits_the_responses_of_each_are_told() -> None:
    tally = {"count": 2, "max_s": 1.5, "average_s": 1.25, "last": {"kind": "load", "olrt_s": 1.0}}
    limits = [
        {"name": "export limit 0 W at poi", "response": {"restrict": tally, "release": {"count": 0}}},
        {"name": "import limit 9 W at poi", "response": {"restrict": {"count": 0}, "release": {"count": 0}}},
    ]
    text = "\n".join(page({"limits": limits, "response": {"restrict": tally, "release": {"count": 0}}}))
    assert "export limit 0 W at poi: restrict: 2 measured, longest 1.5 s, average 1.25 s" in text
    assert "import limit 9 W at poi: re" not in text
