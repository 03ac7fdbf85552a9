"""`pcs run` on one serial bus: a meter and an inverter that are not SunSpec, on a pty."""

import contextlib
import json
import os
import struct
import subprocess
import sys
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from pcs.codec.rtu import is_sealed, sealed
from tests.register_kit import Image, sdm630, solaredge

pytestmark = pytest.mark.realtime
ROOT = Path(__file__).parents[2]
SITE = """\
schema: pcs.site/1
site: {{name: Barn, timezone: UTC, system: wye, nominal_v: 230}}
meters:
  - {{id: poi, profile: eastron/sdm630, link: "serial://{port}?baud=19200", unit: 1, point: poi, update_s: 0.1}}
ders:
  - {{id: inv1, kind: pv, profile: solaredge/edpc, link: "serial://{port}?baud=19200", unit: 2, nameplate_w: 10000}}
limits:
  - {{point: poi, direction: export, quantity: w, value: 0, basis: total, scope: all}}
journal: {{dir: journal}}
"""


def answer(image: Image, frame: bytes) -> bytes:
    """What a unit with these registers says to a frame."""
    unit, function, address, count = struct.unpack_from(">BBHH", frame)
    if function == 16:
        for i, (word,) in enumerate(struct.iter_unpack(">H", frame[7:-2])):
            image.registers[3, address + i] = word
        return sealed(frame[:6])
    words = [image.registers.get((function, address + i), 0) for i in range(count)]
    return sealed(struct.pack(f">BBB{count}H", unit, function, 2 * count, *words))


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[tuple[Path, Image]]:
    """A port with the meter at unit 1 and the inverter at unit 2."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    der = solaredge()
    units = {1: sdm630(), 2: der}

    def serve() -> None:
        heard = b""
        with contextlib.suppress(OSError):
            while data := os.read(ours, 4096):
                heard += data
                if is_sealed(heard):
                    os.write(ours, answer(units[heard[0]], heard))
                    heard = b""

    threading.Thread(target=serve, daemon=True).start()
    yield Path(os.ttyname(theirs)), der
    os.close(theirs)
    os.close(ours)


def test_a_site_on_one_serial_bus_is_identified_limited_and_left_safe(tmp_path: Path, bus: tuple[Path, Image]) -> None:
    port, der = bus
    site = tmp_path / "site.yaml"
    site.write_text(SITE.format(port=port))
    command = [sys.executable, "-m", "pcs.cli.main", "run", str(site), "--duration", "3"]
    command += ["--trace", str(tmp_path / "trace.jsonl")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    traced = [json.loads(line) for line in (tmp_path / "trace.jsonl").read_text().splitlines()[1:]]
    lines = [line for line in traced if "unit" in line]  # the others are frames
    assert {line["link"] for line in lines} == {f"serial://{port}?baud=19200"}
    polls = [line for line in lines if (line["unit"], line["function"]) == (1, 4) and line["count"] == 72]
    assert len(polls) > 15
    assert sum("fault" in line for line in lines) < 5  # requests that the end cut short
    limits = [line for line in lines if line["function"] == 16 and line["address"] == 62242]
    assert limits
    assert der.registers[3, 62208] == 1
    assert der.number(62242, ">f") == 0.0  # its share of the safe set
    assert "found SolarEdge EDPC serial 7E1234 firmware 4.19 (edpc)" in ended.stderr
