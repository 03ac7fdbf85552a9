"""What a channel's name says of it: unit and conductor. Names are `PLACE.QUANTITY_UNIT[.CONDUCTOR]`."""

UNITS = {
    "w": "W",
    "va": "VA",
    "var": "var",
    "v": "V",
    "a": "A",
    "hz": "Hz",
    "s": "s",
    "pct": "%",
    "deg": "deg",
    "wh": "Wh",
}
CONDUCTORS = ("L1", "L2", "L3", "N")


def unit_of(name: str) -> str:
    """The unit of a channel by the last word of its name; empty where the name has none."""
    quantity = name.removesuffix(f".{phase_of(name)}").rsplit(".", 1)[-1]
    return UNITS.get(quantity.rsplit("_", 1)[-1].lower(), "") if "_" in quantity else ""


def phase_of(name: str) -> str:
    """The conductor of a channel (`poi.import_w.L2`: L2); empty for a sum or a contact."""
    last = name.rsplit(".", 1)[-1]
    return last if "." in name and last in CONDUCTORS else ""
