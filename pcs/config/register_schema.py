"""The register map in a device profile of protocol `modbus`: points, what is read together, and who is there."""

from typing import Annotated, Literal

from pydantic import Field

from pcs.config.schema import Block, Words

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40, description="Name of a point.")]
Address = Annotated[int, Field(ge=0, le=65535)]
Type = Literal["int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "string"]
UnitName = Literal["W", "kW", "A", "mA", "V", "Hz", "Wh", "kWh", "s", "ms", "var", "kvar", "VA", "kVA", "pct", ""]
Function = Literal[3, 4]
WordOrder = Literal["big", "little"]


class PointBlock(Block):
    """One value."""

    address: Address = Field(description="Address of the first register as sent; the first one of a device is 0.")
    type: Type = Field(description="How the value is coded.")
    words: int = Field(default=0, ge=0, le=64, description="Registers of a string; other types know their own.")
    function: Function | None = Field(default=None, description="3 holding or 4 input registers; else as the map's.")
    word_order: WordOrder | None = Field(default=None, description="Which word of several comes first; else the map's.")
    unit: UnitName = Field(default="", description="Unit after scaling.")
    scale: float = Field(default=1.0, gt=0, le=1e9, description="Value of one step of the register.")
    exponent: Name | None = Field(default=None, description="Point that holds the power of ten, in place of `scale`.")
    absent: list[int] = Field(default=[], max_length=8, description="Raw values that mean: not implemented.")


class ProbeBlock(Block):
    """What a point must hold, or it is another device."""

    point: Name
    equals: list[float | int | str] = Field(default=[], max_length=16, description="One of these values.")
    at_least: float | None = Field(default=None, description="A number not below this.")
    at_most: float | None = Field(default=None, description="A number not above this.")


class WhoBlock(Block):
    """Who the device is, for people and for the journal."""

    manufacturer: Words = Field(description="Maker.")
    model: Words = Field(description="Type.")
    serial_point: Name | None = Field(default=None, description="Point that holds the serial number.")
    firmware_point: Name | None = Field(default=None, description="Point that holds the firmware version.")


class RegistersBlock(Block):
    """The register map."""

    function: Function = Field(description="Function code that reads the points: 3 holding, 4 input registers.")
    word_order: WordOrder = Field(description="Which word of several comes first: `big` the high, `little` the low.")
    read_max: int = Field(default=125, ge=1, le=125, description="Registers that one read may ask for.")
    write_max: int = Field(default=123, ge=1, le=123, description="Registers that one write may carry.")
    sign: Literal["import+", "export+", "injection+", "injection-"] = Field(
        description="What a positive power means when the device is wired as its manual says."
    )
    who: WhoBlock = Field(description="Who the device is.")
    identity: list[ProbeBlock] = Field(min_length=1, max_length=8, description="How the device is recognised.")
    points: dict[Name, PointBlock] = Field(min_length=1, max_length=256, description="Points by name.")
    fast: list[Name] = Field(min_length=1, max_length=64, description="Points of each poll; one read covers them.")
    slow: list[Name] = Field(default=[], max_length=64, description="Points that are read now and then.")


class ArmBlock(Block):
    """One write that makes the device ready for limits."""

    point: Name
    value: float | int | Literal["reversion_s", "reversion_limit"] = Field(
        description="A number, or the armed time or limit of the device's own timer."
    )


class LimitRegistersBlock(Block):
    """The points that carry a limit."""

    point: Name = Field(description="Point of the limit, in W, kW or pct of the rating; EV charger: in A or mA.")
    rating_point: Name | None = Field(default=None, description="Point of 100 %; left out: nameplate of the site file.")
    at_least: float = Field(
        default=0.0, ge=0, description="Smallest value that the device takes; an EV charger is paused by a 0 below it."
    )
    at_most: float = Field(gt=0, description="Largest value that the device takes.")
    step: float = Field(gt=0, description="Resolution of the limit, in the unit of the point.")
    write_function: Literal[6, 16] = Field(default=16, description="Function code that writes: 6 single, 16 multiple.")
    arm: list[ArmBlock] = Field(default=[], max_length=16, description="Written in this order before the first limit.")
    enable_point: Name | None = Field(default=None, description="Point in `arm` that puts the limit in force.")
