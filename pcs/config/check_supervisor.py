"""What a schema cannot say of the supervisor's block: what must be there together, and what has one owner only."""

from collections.abc import Iterable, Iterator, Mapping

from pcs.config.addresses import link_form, link_hint, parse_link
from pcs.config.problems import shown
from pcs.config.raw import RawBlock, block, entries, number, word
from pcs.config.yaml_marks import Document, Path_
from pcs.model.profile import DeviceKind, DeviceProfile
from pcs.model.site import LinkKind

SENSING = ("meter", "same_as", "contact")
LEAST_EDGES = 2.0
"""A charge pump must survive one edge that comes late."""
BOARD_LEAST_S = 0.6
"""A third of it is a renewal: some ten frames of 9600 baud."""


def report_supervisor(document: Document, profiles: Mapping[str, DeviceProfile]) -> None:
    """Report everything that is wrong between the keys of `supervisor`."""
    raw = block(document, "supervisor")
    if not raw:
        return
    _sensing(document, raw)
    _profile(document, raw, profiles)
    _links(document, raw)
    _relay(document, raw)
    _feedback(document, raw)


def _one_of(document: Document, path: Path_, raw: RawBlock, keys: Iterable[str], what: str) -> None:
    given = [key for key in keys if raw.get(key) is not None]
    if len(given) == 1:
        return
    place = (*path, given[1]) if given else path
    document.report(
        place,
        f"{what} is given twice" if given else f"no {what}",
        got=" and ".join(given),
        expected=f"one of {', '.join(keys)}",
    )


def _sensing(document: Document, raw: RawBlock) -> None:
    _one_of(document, ("supervisor",), raw, SENSING, "sensing")
    entries_given = raw.get("watch")
    if raw.get("contact") is None and not entries_given:
        document.report(
            ("supervisor",), "watches nothing", expected="watch: [{direction: export, tolerance_w: 500}] or a contact"
        )
    if raw.get("contact") is not None and entries_given:
        document.report(("supervisor", "watch"), "a contact measures no flow", expected="no watch beside contact")
    directions = (
        [e.get("direction") for e in entries_given if isinstance(e, dict)] if isinstance(entries_given, list) else []
    )
    for at, direction in enumerate(directions):
        if direction in directions[:at]:
            document.report(("supervisor", "watch", at, "direction"), "given twice", got=shown(direction))
    name = word(raw, "same_as")
    meters = {word(meter, "id"): meter for _, meter in entries(document, "meters")}
    if name is None:
        return
    path: Path_ = ("supervisor", "same_as")
    if name not in meters:
        document.report(path, "no such meter", got=shown(name), expected="the id of a meter of this file")
        return
    address = parse_link(word(meters[name], "link") or "")
    if address is not None and address.kind is LinkKind.SERIAL:
        document.report(
            path,
            "two programs cannot share a serial port",
            got=f"{name} at {address}",
            expected="a meter with a link over TCP, or one of the supervisor's own",
        )


def _profile(document: Document, raw: RawBlock, profiles: Mapping[str, DeviceProfile]) -> None:
    meter = raw.get("meter")
    name = word(meter, "profile") if isinstance(meter, dict) else None
    if name is None:
        return
    profile = profiles.get(name)
    if profile is None or profile.kind is not DeviceKind.METER:
        known = sorted(key for key, one in profiles.items() if one.kind is DeviceKind.METER)
        document.report(
            ("supervisor", "meter", "profile"),
            "is no profile of a meter",
            got=shown(name),
            expected=f"one of {', '.join(known)}",
        )


def _links(document: Document, raw: RawBlock) -> None:
    """Each serial port has one owner: the controller, the supervisor's meter or its relay."""
    owners = {}
    for section in ("meters", "ders"):
        for path, device in entries(document, section):
            address = parse_link(word(device, "link") or "")
            if address is not None and address.kind is LinkKind.SERIAL:
                owners[address.device] = document.line((*path, "link"))
    for path, text in _own_links(raw):
        address = parse_link(text)
        if address is None:
            document.report(
                path, "is not a link address", got=shown(text), expected=link_form(text), hint=link_hint(text)
            )
        elif address.kind is LinkKind.SERIAL and address.device in owners:
            document.report(
                path,
                "serial port has an owner already",
                got=f"{address.device}, on line {owners[address.device]}",
                expected="a port of its own",
            )
        elif address.kind is LinkKind.SERIAL:
            owners[address.device] = document.line(path)


def _own_links(raw: RawBlock) -> Iterator[tuple[Path_, str]]:
    for section, key in (("meter", "link"), ("relay", "board")):
        part = raw.get(section)
        text = word(part, key) if isinstance(part, dict) else None
        if text is not None:
            yield ("supervisor", section, key), text


def _relay(document: Document, raw: RawBlock) -> None:
    relay = raw.get("relay")
    if not isinstance(relay, dict):
        return
    path: Path_ = ("supervisor", "relay")
    _one_of(document, path, relay, ("gpio", "board"), "relay")
    if relay.get("board") is not None and relay.get("unit") is None:
        document.report((*path, "unit"), "is missing", expected="the board's Modbus unit")
    hold_s, pulse_hz = number(relay, "hold_s"), number(relay, "pulse_hz")
    if hold_s is None:
        return
    if relay.get("gpio") is not None and hold_s < LEAST_EDGES * 0.5 / (pulse_hz or 10.0):
        document.report(
            (*path, "hold_s"),
            "is too short for the pulses",
            got=f"{hold_s:g} s at {pulse_hz or 10.0:g} Hz",
            expected=f"at least {LEAST_EDGES * 0.5 / (pulse_hz or 10.0):g} s, or more pulses per second",
        )
    if relay.get("board") is not None and hold_s < BOARD_LEAST_S:
        document.report(
            (*path, "hold_s"),
            "is too short to be renewed",
            got=f"{hold_s:g} s",
            expected=f"at least {BOARD_LEAST_S:g} s",
        )


def _feedback(document: Document, raw: RawBlock) -> None:
    feedback, relay = raw.get("feedback"), raw.get("relay")
    if not isinstance(feedback, dict):
        return
    path: Path_ = ("supervisor", "feedback")
    _one_of(document, path, feedback, ("gpio", "input"), "feedback")
    if feedback.get("input") is not None and isinstance(relay, dict) and relay.get("board") is None:
        document.report((*path, "input"), "is an input of a board, and there is none", expected="gpio")
