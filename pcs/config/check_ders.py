"""What a DER may be: its address, the conductors of the service, and what belongs to its kind."""

from pcs.config.problems import shown
from pcs.config.raw import RawBlock, block, entries, number, word
from pcs.config.yaml_marks import Document, Path_

CONNECTIONS = {
    "single": ("L1N",),
    "split": ("L1N", "L2N", "L1L2"),
    "wye": ("L1N", "L2N", "L3N", "L1L2", "L2L3", "L3L1", "L123"),
    "delta": ("L1L2", "L2L3", "L3L1", "L123"),
}
"""What a unit can be connected to. A delta service has no neutral."""
STORAGE_KINDS = ("battery", "hybrid")
DRAWING_KINDS = (*STORAGE_KINDS, "evse")
_KEYS_OF_KINDS = {
    "soc_min_pct": STORAGE_KINDS,
    "soc_max_pct": STORAGE_KINDS,
    "absorbs": STORAGE_KINDS,
    "supports": STORAGE_KINDS,
    "charge_w": STORAGE_KINDS,
    "charge_min_w": DRAWING_KINDS,
    "failsafe_charge_w": DRAWING_KINDS,
}


def report_ders(document: Document) -> None:
    """Report everything that is wrong in a DER beyond types and ranges."""
    for path, raw in entries(document, "ders"):
        _address(document, path, raw)
        _connection(document, path, raw)
        _belongs(document, path, raw)
        _charge(document, path, raw)


def _address(document: Document, path: Path_, raw: RawBlock) -> None:
    keys = ("profile", "link", "unit")
    if raw.get("controlled", True) is True:
        for key in keys:
            if raw.get(key) is None:
                hint = "" if key == "unit" else "or write controlled: false if nothing can command it"
                document.report((*path, key), "is missing", expected="it for a controlled DER", hint=hint)
        return
    given = [key for key in keys if raw.get(key) is not None]
    for key in keys:
        if given and raw.get(key) is None:
            document.report((*path, key), "is missing", expected=f"it beside {' and '.join(given)}, or none")


def _connection(document: Document, path: Path_, raw: RawBlock) -> None:
    system, connection = word(block(document, "site"), "system"), word(raw, "connection")
    fitting = CONNECTIONS.get(system or "", ())
    if connection is None or not fitting or connection in fitting or connection not in CONNECTIONS["wye"]:
        return
    document.report(
        (*path, "connection"),
        f"does not fit a {system} service",
        got=shown(connection),
        expected=" or ".join(fitting),
        hint="L123 is three-phase: did you mean L1L2?" if (connection, system) == ("L123", "split") else "",
    )


def _belongs(document: Document, path: Path_, raw: RawBlock) -> None:
    """Keys that mean nothing for this kind of DER would be ignored in silence."""
    kind = word(raw, "kind")
    for key, kinds in _KEYS_OF_KINDS.items():
        if raw.get(key) is None or kind is None or kind in kinds:
            continue
        told = "what a charger draws is its nameplate_w" if (kind, key) == ("evse", "charge_w") else ""
        document.report(
            (*path, key), f"does not belong to kind {kind}", expected=f"it for {' or '.join(kinds)}", hint=told
        )


def _charge(document: Document, path: Path_, raw: RawBlock) -> None:
    """State of charge and charge powers must leave room between their bounds."""
    low, high = number(raw, "soc_min_pct"), number(raw, "soc_max_pct")
    if (low if low is not None else 0.0) >= (high if high is not None else 100.0):
        key = "soc_min_pct" if low is not None else "soc_max_pct"
        document.report((*path, key), "leaves no state of charge", expected="soc_min_pct below soc_max_pct")
    charge = number(raw, "charge_w")
    most = charge if charge is not None else number(raw, "nameplate_w")
    for key in ("charge_min_w", "failsafe_charge_w"):
        value = number(raw, key)
        if value is not None and most is not None and value > most and word(raw, "kind") in DRAWING_KINDS:
            document.report((*path, key), "is more than it can draw", got=f"{value:g}", expected=f"at most {most:g}")
