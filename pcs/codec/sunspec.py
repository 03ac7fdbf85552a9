"""SunSpec: find a device's models, and see a group of points as one read.

The discovery walk does no I/O. It is a generator that asks for registers and is sent what came: the bytes, or the fault
that came instead. Everything a device may say wrong is bounded here: number of models, lengths, the end of the
address space. Reference: SunSpec device information model specification 1.2, sections 6.1-6.3.
"""

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from pcs.codec.readplan import MAX_READ, Block
from pcs.codec.registers import Field, Layout, Value
from pcs.codec.sunspec_models import MODELS
from pcs.model.fault import Fault, FaultKind

BASES = (40000, 50000, 0)  # SunSpec device information model specification: where a map may begin
END_MODEL = 0xFFFF
MAX_MODELS = 100  # the alliance publishes 112 models; no known device carries more than about 40
MAX_REGISTERS = 10_000  # a whole IEEE 1547-2018 map with all its curves has about 2 000

_MARKER = b"SunS"
_HEADER = 2  # registers of a model's ID and L


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model found on a device: `address` of its ID register, `length` in registers without ID and L."""

    id: int
    address: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMap:
    """What the walk found: the base address of the marker and the models in the order of the device."""

    base: int
    models: tuple[Model, ...]

    def first(self, *ids: int) -> Model | None:
        """The first model in the order of `ids` that the device has (its first instance)."""
        for wanted in ids:
            for model in self.models:
                if model.id == wanted:
                    return model
        return None

    def __str__(self) -> str:
        return f"SunSpec map at {self.base} with models {', '.join(str(model.id) for model in self.models) or 'none'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoMap:
    """Why there is no usable map: the kind of fault that describes it best, and what was found where."""

    kind: FaultKind
    detail: str


Walk = Generator[Block, bytes | Fault, ModelMap | NoMap]
"""Asks for blocks, is sent bytes of exactly that length or a fault, returns the outcome."""


def walk(bases: tuple[int, ...] = BASES) -> Walk:
    """Find the map at one of `bases` and list its models.

    A base that refuses, does not answer or holds something else is followed by the next; without a connection there is
    no point in going on. A device is the wrong one only when every base was answered: behind one that was not, the map
    may lie. Once the marker is found every fault ends the walk: a map that is read in part is no map.
    """
    seen: list[str] = []
    worst = FaultKind.WRONG_DEVICE
    for base in bases:
        answer = yield Block(address=base, count=2)
        if isinstance(answer, Fault):
            if answer.kind is FaultKind.NO_CONNECTION:
                return NoMap(kind=answer.kind, detail=answer.detail)
            seen.append(
                f"at {base}: {answer.kind.value} ({answer.detail})"
                if answer.detail
                else f"at {base}: {answer.kind.value}"
            )
            if answer.kind is not FaultKind.REFUSED:
                worst = answer.kind
        elif answer == _MARKER:
            return (yield from _models(base))
        else:
            seen.append(f"at {base}: 0x{answer.hex()} instead of 'SunS'")
    return NoMap(kind=worst, detail="no SunSpec map; " + "; ".join(seen))


def _models(base: int) -> Walk:
    """List the models behind the marker at `base` up to the end model."""
    models: list[Model] = []
    address = base + 2
    while True:
        where = f"in the SunSpec map at {base}, model {len(models) + 1} at {address}"
        if len(models) >= MAX_MODELS or address - base > MAX_REGISTERS:
            return NoMap(kind=FaultKind.WRONG_DEVICE, detail=f"{where}: the map does not end")
        if address + _HEADER > 0x1_0000:
            return NoMap(kind=FaultKind.WRONG_DEVICE, detail=f"{where}: the map runs out of the address space")
        header = yield Block(address=address, count=_HEADER)
        if isinstance(header, Fault) and header.kind is FaultKind.REFUSED:
            header = yield Block(address=address, count=1)  # some maps end with the bare ID of the end model
        if isinstance(header, Fault):
            return NoMap(kind=header.kind, detail=f"{where}: {header.detail or header.kind.value}")
        number = int.from_bytes(header[:2], "big")
        if number == END_MODEL:
            return ModelMap(base=base, models=tuple(models))
        length = int.from_bytes(header[2:], "big")
        if number == 0 or length == 0 or address + _HEADER + length > 0x1_0000:
            return NoMap(kind=FaultKind.WRONG_DEVICE, detail=f"{where}: ID {number} with length {length} is no model")
        models.append(Model(id=number, address=address, length=length))
        address += _HEADER + length


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Some points of one model, with their scale factors, as one read: `first` is the offset of its first register.

    Values and scale factors come out of the same reply, so a device that changes its scale is never misread by ten.
    """

    first: int
    count: int
    layout: Layout

    def block(self, model: Model) -> Block:
        """Where the window lies on a device."""
        return Block(address=model.address + self.first, count=self.count)

    def decode(self, data: bytes) -> dict[str, Value]:
        """The points' values, scaled; `None` where a point is not implemented."""
        return self.layout.decode(data)


@lru_cache(maxsize=64)  # a handful of windows per kind of device; tests make more
def window(model_id: int, length: int, names: tuple[str, ...], *, raw: bool = False) -> Window:
    """The one read that holds the points `names` of a model and their scale factors.

    Points beyond the device's own `length` of the model are left out: a shorter model does not implement them.
    `raw` leaves values as they stand in the registers, for points that are written and compared.

    Raises:
        KeyError: the model or a point is not in our table.
        ValueError: the points span more than one read, or none of them lies within `length`.
    """
    fields = _within(MODELS[model_id], names, length)
    if not fields:
        raise ValueError(f"model {model_id} of length {length} has none of {', '.join(names)}")
    layout = Layout(replace(field, scale=None) for field in fields) if raw else Layout(fields)
    if layout.count > MAX_READ:
        raise ValueError(f"points of model {model_id} span {layout.count} registers, more than one read")
    return Window(first=layout.first, count=layout.count, layout=layout)


def decode_model(model_id: int, data: bytes) -> dict[str, Value]:
    """Every point of a model from its registers, ID and L included; `None` for points behind the end of `data`."""
    table = MODELS[model_id]
    fields = _within(table, tuple(table), len(data) // 2 - _HEADER)
    values: dict[str, Value] = dict.fromkeys(table)
    if fields:
        values.update(Layout(fields, first=0, count=len(data) // 2).decode(data))
    return values


def _within(table: Mapping[str, Field], names: Iterable[str], length: int) -> list[Field]:
    """The named fields and their scale factors, as far as they lie inside a model of `length` registers."""
    wanted: dict[str, Field] = {}
    for name in names:
        point = table[name]
        scale = table[point.scale] if point.scale else None
        if all(field is None or field.offset + field.words <= length + _HEADER for field in (point, scale)):
            wanted[name] = point
            if scale:
                wanted[scale.name] = scale
    return list(wanted.values())
