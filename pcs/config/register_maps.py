"""The register map of a profile as model objects, and what is wrong between its keys."""

from collections.abc import Iterator

from pcs.config.profile_schema import ProfileFile
from pcs.config.register_schema import LimitRegistersBlock, PointBlock, RegistersBlock
from pcs.config.yaml_marks import Document, Path_
from pcs.model.registers import NUMBERS, ArmStep, LimitRegisters, Point, Probe, RegisterMap
from pcs.model.units import Band

TOTAL = "power_total"
"""The point that every device must have: W at a meter, injected W at a DER."""
_WORDS = {"int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float32": 2, "int64": 4, "uint64": 4, "float64": 4}
_SIGNS = {
    "meter": ("import+", "export+"),
    "inverter": ("injection+", "injection-"),
    "evse": ("injection+", "injection-"),
}
_LIMIT_UNITS = {"inverter": ("W", "kW", "pct"), "evse": ("A", "mA")}


def register_map(block: RegistersBlock) -> RegisterMap:
    """The map of a block without mistakes."""
    return RegisterMap(
        points={name: _point(point, block) for name, point in block.points.items()},
        fast=tuple(block.fast),
        slow=tuple(block.slow),
        identity=tuple(
            Probe(
                point=probe.point,
                equals=tuple(value if isinstance(value, str) else float(value) for value in probe.equals),
                between_values=None if probe.equals else _between(probe.at_least, probe.at_most),
            )
            for probe in block.identity
        ),
        manufacturer=block.who.manufacturer,
        model=block.who.model,
        serial_point=block.who.serial_point,
        firmware_point=block.who.firmware_point,
        read_max=block.read_max,
        write_max=block.write_max,
        positive_is_import=block.sign != "export+",
        positive_is_injection=block.sign != "injection-",
    )


def limit_registers(block: LimitRegistersBlock) -> LimitRegisters:
    """How a limit is written, of a block without mistakes."""
    return LimitRegisters(
        point=block.point,
        allowed_values=Band(lo=block.at_least, hi=block.at_most),
        step_value=block.step,
        rating_point=block.rating_point,
        write_function=block.write_function,
        arm=tuple(
            ArmStep(point=step.point, value=step.value if isinstance(step.value, str) else float(step.value))
            for step in block.arm
        ),
        enable_point=block.enable_point,
    )


def _point(block: PointBlock, registers: RegistersBlock) -> Point:
    return Point(
        address=block.address,
        type=block.type,
        words=_WORDS.get(block.type, block.words),
        function=block.function or registers.function,
        unit=block.unit,
        scale=block.scale,
        exponent=block.exponent,
        low_word_first=(block.word_order or registers.word_order) == "little",
        absent=tuple(block.absent),
    )


def _between(lo: float | None, hi: float | None) -> Band:
    return Band(
        lo=float("-inf") if lo is None else lo,
        hi=float("inf") if hi is None else hi,
    )


def report_register_mistakes(parsed: ProfileFile, document: Document) -> None:
    """Report everything that is wrong between the keys of a register map, and maps where there should be none."""
    registers = parsed.registers
    if parsed.protocol != "modbus" or registers is None:
        if parsed.protocol == "modbus":
            document.report(("registers",), "is missing", expected="the register map in a profile of protocol modbus")
        elif registers is not None:
            document.report(("registers",), f"does not belong to a profile of protocol {parsed.protocol}")
        return
    if registers.sign not in _SIGNS[parsed.kind]:
        document.report(
            ("registers", "sign"),
            f"does not belong to a profile of kind {parsed.kind}",
            got=registers.sign,
            expected=" or ".join(_SIGNS[parsed.kind]),
        )
    for path, name in _names(parsed, registers):
        if name not in registers.points:
            document.report(path, "unknown point", got=name, expected="a name of registers.points")
    _points(registers, document)
    _groups(registers, document)
    if parsed.kind != "meter":
        _limits(parsed, registers, document)


def _names(parsed: ProfileFile, registers: RegistersBlock) -> Iterator[tuple[Path_, str]]:
    """Every place where a point is named."""
    here = "registers"
    for group, names in (("fast", registers.fast), ("slow", registers.slow)):
        yield from (((here, group, i), name) for i, name in enumerate(names))
    yield from (((here, "identity", i, "point"), probe.point) for i, probe in enumerate(registers.identity))
    for key, who in (("serial_point", registers.who.serial_point), ("firmware_point", registers.who.firmware_point)):
        if who is not None:
            yield (here, "who", key), who
    for name, point in registers.points.items():
        if point.exponent is not None:
            yield (here, "points", name, "exponent"), point.exponent
    for variant, action in (parsed.limits or {}).items():
        block, at = action.registers, ("limits", variant, "registers")
        if block is None:
            continue
        for key, wanted in (
            ("point", block.point),
            ("rating_point", block.rating_point),
            ("enable_point", block.enable_point),
        ):
            if wanted is not None:
                yield (*at, key), wanted
        yield from (((*at, "arm", i, "point"), step.point) for i, step in enumerate(block.arm))


def _points(registers: RegistersBlock, document: Document) -> None:
    for name, point in registers.points.items():
        path, words = ("registers", "points", name), _WORDS.get(point.type, point.words)
        if (point.type == "string") != (point.words > 0):
            document.report((*path, "words"), "contradicts the type", expected="words for a string, and only there")
        if point.address + words > 65536:
            document.report((*path, "address"), "lies behind the last register", got=str(point.address))
        if words > registers.read_max:
            document.report(path, "is longer than read_max", got=f"{words} registers", expected=str(registers.read_max))
        if point.exponent is not None and point.scale != 1.0:
            document.report((*path, "exponent"), "is a second scale", expected="scale or exponent, not both")
    for i, probe in enumerate(registers.identity):
        ranged = probe.at_least is not None or probe.at_most is not None
        if bool(probe.equals) == ranged:
            document.report(("registers", "identity", i), "says nothing, or two things", expected="equals, or a range")


def _groups(registers: RegistersBlock, document: Document) -> None:
    """The fast group is one read, with the power in it and the exponents that it needs."""
    known = {name: registers.points[name] for name in registers.fast if name in registers.points}
    if TOTAL not in registers.fast or (TOTAL in known and registers.points[TOTAL].unit not in ("W", "kW")):
        document.report(("registers", "fast"), f"has no {TOTAL}", expected=f"{TOTAL} in W or kW")
    for name, point in known.items():
        if point.exponent is not None and point.exponent not in known:
            document.report(("registers", "fast"), f"lacks {point.exponent}, the exponent of {name}")
    if len({point.function or registers.function for point in known.values()}) > 1:
        document.report(("registers", "fast"), "mixes function codes", expected="points of one function code")
    if known:
        first = min(point.address for point in known.values())
        end = max(point.address + _WORDS.get(point.type, point.words) for point in known.values())
        if end - first > registers.read_max:
            document.report(
                ("registers", "fast"),
                "does not fit one read",
                got=f"{end - first} registers",
                expected=f"at most read_max {registers.read_max}",
            )


def _limits(parsed: ProfileFile, registers: RegistersBlock, document: Document) -> None:
    if not parsed.limits:
        document.report(("limits",), "is missing", expected=f"at least one limit in a profile of kind {parsed.kind}")
    for variant, action in (parsed.limits or {}).items():
        block, path = action.registers, ("limits", variant, "registers")
        if block is None:
            document.report(path, "is missing", expected="the points of the limit in a profile of protocol modbus")
            continue
        if action.persistence != "volatile":
            document.report(
                ("limits", variant, "persistence"),
                "would wear out the device: limits are written in a loop",
                got=action.persistence,
                expected="a limit in volatile registers",
            )
        if block.at_least > block.at_most:
            document.report((*path, "at_least"), "is upside down", expected="at_least at most at_most")
        point = registers.points.get(block.point)
        units = _LIMIT_UNITS[parsed.kind]
        if point is not None and (point.unit not in units or point.type not in NUMBERS):
            document.report(
                (*path, "point"),
                "is no limit",
                got=point.unit or point.type,
                expected=f"a number in {', '.join(units)}",
            )
        written = [block.point, *(step.point for step in block.arm)]
        for name in written:
            found = registers.points.get(name)
            if found is not None and ((found.function or registers.function) != 3 or found.exponent is not None):
                document.report(
                    ("registers", "points", name), "cannot be written", expected="function: 3, and no exponent"
                )
            if found is not None and block.write_function == 6 and _WORDS.get(found.type, 0) != 1:
                document.report((*path, "write_function"), f"cannot write {name}", expected="16 for several registers")
        if block.enable_point is not None and block.enable_point not in [step.point for step in block.arm]:
            document.report((*path, "enable_point"), "is not written", expected="a point of arm")
        armed = {step.value for step in block.arm if isinstance(step.value, str)}
        if (action.fallback == "safe") != (armed == {"reversion_s", "reversion_limit"}):
            document.report(
                (*path, "arm"),
                "contradicts the fallback",
                expected="both reversion_s and reversion_limit if and only if the fallback is safe",
            )
