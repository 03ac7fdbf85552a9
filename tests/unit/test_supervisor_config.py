"""The supervisor's block of a site file: what is understood, what is left out, and every mistake with its line."""

import json
from pathlib import Path

import pytest

from pcs.cli.check_facts import report
from pcs.cli.check_lines import lines
from pcs.config import ConfigError, load_site
from pcs.model.limit import Direction
from pcs.model.site import LinkKind
from pcs.model.supervisor import BoardRelay, GpioLine, PulsedRelay, SupervisorSpec
from pcs.runtime.status import unprotected

SITE = """\
schema: pcs.site/1
site: {name: Demo, timezone: UTC, system: wye, nominal_v: 277}
meters:
  - {id: poi, profile: sunspec/meter, link: "tcp://127.0.0.1:15020", unit: 1, point: poi}
  - {id: bus, profile: eastron/sdm630, link: "serial:///dev/ttyS1?baud=9600", unit: 1}
ders:
  - {id: inv1, kind: pv, profile: sunspec/inverter, link: "tcp://127.0.0.1:15021", unit: 1, nameplate_w: 10000}
points:
  - {id: poi, meter: [poi]}
  - {id: sub, meter: [bus]}
limits:
  - {direction: export, value: 1000, correct_within_s: 20, schedule: [{value: 3000, from: "10:00", to: "12:00"}]}
"""
OWN = """\
supervisor:
  meter: {profile: eastron/sdm630, link: "serial:///dev/ttyS2?baud=9600&parity=E", unit: 2, sign: export+,
          update_s: 0.5}
  watch: [{direction: export, tolerance_w: 500}]
  relay: {gpio: {chip: /dev/gpiochip0, line: 17}, hold_s: 0.5}
  feedback: {gpio: {line: 27}, closed_when: inactive}
  rearm: {after_s: 60}
"""
BOARD = """\
supervisor:
  same_as: poi
  watch: [{direction: export, limit_w: 3500, tolerance_w: 200, delay_s: 12}]
  relay: {board: "tcp://192.168.1.40:502", unit: 1, relay: 2, hold_s: 1.5}
  feedback: {input: 1}
"""


def supervisor(text: str, folder: Path) -> SupervisorSpec:
    path = folder / "site.yaml"
    path.write_text(text)
    found = load_site(path).supervisor
    assert found is not None
    return found


def mistakes(text: str, folder: Path) -> list[str]:
    path = folder / "site.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load_site(path)
    return [line.removeprefix(str(folder) + "/") for line in str(refused.value).splitlines()]


def test_a_site_without_the_block_has_no_supervisor(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    assert load_site(tmp_path / "site.yaml").supervisor is None


def test_a_watch_without_a_limit_takes_the_loosest_time_of_the_sites_limit_and_its_allowed_time(tmp_path: Path) -> None:
    spec = supervisor(SITE + OWN, tmp_path)
    (watch,) = spec.watches
    assert (watch.direction, watch.limit_w, watch.bound_w, watch.delay_s) == (Direction.EXPORT, 3000, 3500, 20)
    assert spec.relay == PulsedRelay(output=GpioLine(chip="/dev/gpiochip0", line=17), pulse_hz=10.0, hold_s=0.5)
    assert spec.feedback is not None
    assert not spec.feedback.active_means_closed
    assert spec.rearm.after_s == 60
    assert spec.most_w == 100_000
    assert spec.meter is not None
    assert spec.meter.link.parity == "E"
    assert spec.sensing == ("a meter of its own (eastron/sdm630 at serial:///dev/ttyS2?baud=9600&parity=E unit 2)")


def test_a_shared_meter_and_a_board_are_understood_and_sharing_is_said(tmp_path: Path) -> None:
    spec = supervisor(SITE + BOARD, tmp_path)
    assert isinstance(spec.relay, BoardRelay)
    assert (spec.relay.coil, spec.relay.link.kind, spec.relay.feed_s) == (1, LinkKind.TCP, 0.5)
    assert spec.meter is not None
    assert spec.meter.id == "poi"
    assert spec.sensing.startswith("NOT independent")
    assert spec.rearm.after_s is None


CASES = [
    (OWN, 'profile: eastron/sdm630, link: "serial:///dev/ttyS2', 'profile: sunspec/inverter, link: "serial:///dev/ttyS2',
     "site.yaml:14: supervisor.meter.profile: is no profile of a meter"),
    (OWN, "/dev/ttyS2", "/dev/ttyS1", "site.yaml:14: supervisor.meter.link: serial port has an owner already"),
    (OWN, '"serial:///dev/ttyS2?baud=9600&parity=E"', "ttyS2", "site.yaml:14: supervisor.meter.link: is not a link"),
    (OWN, "tolerance_w: 500", "tolerance_w: 0", "site.yaml:16: supervisor.watch[0].tolerance_w:"),
    (OWN, "tolerance_w: 500", "tolerance_w: 500, delay_s: 1", "supervisor.watch[0].delay_s: is shorter than the cont"),
    (OWN, "tolerance_w: 500", "tolerance_w: 500, limit_w: 1000", "supervisor.watch[0].limit_w: trips inside what the"),
    (OWN, "export, tolerance", "import, tolerance", "supervisor.watch[0].limit_w: is missing"),
    (OWN, "hold_s: 0.5}", "pulse_hz: 1, hold_s: 0.5}", "site.yaml:17: supervisor.relay.hold_s: is too short for the p"),
    (OWN, "gpio: {line: 27}, ", "input: 1, ", "site.yaml:18: supervisor.feedback.input: is an input of a board"),
    (OWN, "  watch:", "  same_as: poi\n  watch:", "supervisor.same_as: sensing is given twice"),
    (OWN, "  watch: [{direction: export, tolerance_w: 500}]\n", "", "supervisor: watches nothing"),
    (OWN, "update_s: 0.5", "update_s: 4", "supervisor.missing_s: is shorter than two updates"),
    (BOARD, "same_as: poi", "same_as: pio", "site.yaml:14: supervisor.same_as: no such meter"),
    (BOARD, "same_as: poi", "same_as: bus", "site.yaml:14: supervisor.same_as: two programs cannot share a serial"),
    (BOARD, "same_as: poi", "contact: {line: 3}", "supervisor.watch: a contact measures no flow"),
    (BOARD, "unit: 1, relay", "relay", "supervisor.relay.unit: is missing"),
    (BOARD, "hold_s: 1.5", "hold_s: 0.3", "supervisor.relay.hold_s: is too short to be renewed"),
    (BOARD, "hold_s: 1.5", "hold_s: 1.5, gpio: {line: 1}", "supervisor.relay.board: relay is given twice"),
    (OWN, "gpio: {chip: /dev/gpiochip0, line: 17}, ", "", "site.yaml:17: supervisor.relay: no relay"),
    (BOARD, "tcp://192.168.1.40:502", "serial:///dev/ttyS1?baud=9600", "supervisor.relay.board: serial port has an o"),
]  # fmt: skip


@pytest.mark.parametrize(("block", "right", "wrong", "said"), CASES)
def test_a_mistake_of_the_supervisor_is_told_with_its_line(
    tmp_path: Path, block: str, right: str, wrong: str, said: str
) -> None:
    assert right in block
    told = mistakes(SITE + block.replace(right, wrong, 1), tmp_path)
    assert len(told) == 1, told
    assert said in told[0]
    assert told[0].startswith("site.yaml:1")


def test_the_refused_delay_names_the_predicted_response_that_would_do(tmp_path: Path) -> None:
    (told,) = mistakes(SITE + OWN.replace("tolerance_w: 500", "tolerance_w: 500, delay_s: 1"), tmp_path)
    least_s = told.partition("expected at least ")[2].partition(" s")[0]
    assert float(least_s) > 1
    spec = supervisor(SITE + OWN.replace("tolerance_w: 500", f"tolerance_w: 500, delay_s: {least_s}"), tmp_path)
    assert spec.watches[0].delay_s == float(least_s)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (
            OWN,
            ("sensing: a meter of its own", "after 20 s of an export of more than 3500 W", "its contact is read back"),
        ),
        (
            BOARD,
            ("sensing: NOT independent: reads poi", "ends only by a person", "opens within 1.5 s of the last pulse"),
        ),
    ],
)
def test_check_says_what_the_supervisor_sees_when_it_trips_and_how_a_trip_ends(
    tmp_path: Path, block: str, said: tuple[str, ...]
) -> None:
    (tmp_path / "site.yaml").write_text(SITE + block)
    site = load_site(tmp_path / "site.yaml")
    told = "\n".join(lines(site, 0.0))
    assert all(words in told for words in said), told
    facts = report(site, 0.0)["supervisor"]
    assert facts["independent"] is (block is OWN)
    json.dumps(facts)


def test_status_says_that_a_shared_meter_deceives_both_and_that_no_supervisor_is_none(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE + BOARD.replace("  feedback: {input: 1}\n", ""))
    told = unprotected(load_site(tmp_path / "site.yaml"))
    assert "the supervisor reads poi, too: a wrong meter deceives both" in told
    assert any("nothing reads the contact" in words for words in told)
    (tmp_path / "site.yaml").write_text(SITE)
    assert unprotected(load_site(tmp_path / "site.yaml"))[:2] == ("no hard-limit supervisor", "no relay")
