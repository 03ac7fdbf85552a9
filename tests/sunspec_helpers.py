"""SunSpec maps for tests, encoded by pysunspec2 and not by our own codec."""

import struct
from typing import Any

from sunspec2 import device

from pcs.model.profile import (
    DeviceKind,
    DeviceProfile,
    Evidence,
    FallbackDirection,
    LimitAction,
    LinkTiming,
    Persistence,
)
from pcs.model.site import CurrentTransformer, DerKind, DerSpec, LinkAddress, MeterSign, MeterSpec
from tests.link_helpers import FakeLink

COMMON = {"Mn": "Acme", "Md": "One", "Vr": "1.2", "SN": "S-1"}
END = struct.pack(">HH", 0xFFFF, 0)


def model(model_id: int, **raw: Any) -> bytes:
    """One model with raw register values; points that are not named are not implemented."""
    whole = device.Model(model_id=model_id)
    for name, value in raw.items():
        whole.points[name].set_value(value)
    return bytes(whole.get_mb())


def image(*models: bytes) -> bytes:
    """A map: marker, models, end."""
    return b"SunS" + b"".join(models) + END


def serve(*models: bytes, base: int = 40000) -> FakeLink:
    """A link to a device with this map."""
    link = FakeLink()
    link.put_bytes(base, image(*models))
    return link


def offset_of(link: FakeLink, model_id: int, base: int = 40000) -> int:
    """The address of a model's ID register."""
    address = base + 2
    while link.registers[address] != model_id:
        address += 2 + link.registers[address + 1]
    return address


def profile(kind: DeviceKind, *, reversion_s: float | None = 60.0) -> DeviceProfile:
    action = {
        "123": LimitAction(
            persistence=Persistence.VOLATILE, refresh_s=0.0, fallback=FallbackDirection.OPEN, reversion_s=None
        ),
        "704": LimitAction(
            persistence=Persistence.VOLATILE, refresh_s=20.0, fallback=FallbackDirection.SAFE, reversion_s=reversion_s
        ),
    }
    return DeviceProfile(
        id="sunspec/test",
        title="test",
        kind=kind,
        protocol="sunspec",
        evidence=Evidence.UNVERIFIED,
        sources=(),
        link=LinkTiming(deadline_s=0.3),
        limits=action if kind is DeviceKind.INVERTER else None,
    )


def meter_spec(sign: MeterSign = MeterSign.IMPORT_POSITIVE, ratio: float = 1.0) -> MeterSpec:
    return MeterSpec(
        id="poi",
        profile=profile(DeviceKind.METER),
        link=LinkAddress(host="test"),
        unit=1,
        point="poi",
        sign=sign,
        ct=CurrentTransformer(ratio=ratio),
    )


def der_spec(nameplate_w: float = 10_000.0, *, reversion_s: float | None = 60.0) -> DerSpec:
    return DerSpec(
        id="inv1",
        kind=DerKind.PV,
        nameplate_w=nameplate_w,
        profile=profile(DeviceKind.INVERTER, reversion_s=reversion_s),
        link=LinkAddress(host="test"),
    )
