"""A real `pcs run` against a real `hil twin` over loopback: CPU, memory, sample-in to command-out, journal.

One meter polled at 10 Hz, four inverters asked once a second, a load that steps once a second. CPU is of one core; its
reference is the twin, which answers the same requests and also simulates the site. Latency is from a sample's arrival
to the moment at which a lowering cap goes on the wire, by the journal of the run.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psutil

from pcs.codec.journal import StepRecord
from pcs.io.journal_read import connect, read_steps
from pcs.model.reading import LimitApplied, MeterReading

ROOT = Path(__file__).parents[2]
WARM_UP_S, MEASURED_S = 4.0, 12.0
DAY_S = 86_400.0
STEPS = [[float(n), 18_000.0 - 6_000.0 * (n % 2)] for n in range(60)]
TWIN = {
    "schema": "hil.twin/1",
    "site": {"name": "bench", "system": "wye", "nominal_v": 277},
    "meters": [{"id": "poi", "noise_w": 4.0, "update_s": 0.2, "averaging_s": 0.2, "reply_s": 0.002}],
    "ders": [
        {"id": f"inv{n}", "nameplate_w": 10_000.0, "control": (123, 704)[n % 2], "reply_s": 0.002} for n in range(4)
    ],
    "load": [{"steps": STEPS}],
    "sun": {"constant": 0.9},
    "limits": [{"point": "poi", "direction": "export", "quantity": "w", "value": 2000.0}],
}


def command(module: str, *arguments: str) -> list[str]:
    """A command line of this checkout."""
    return [sys.executable, "-c", f"from {module} import main; main()", *arguments]


def measured(process: psutil.Process, twin: psutil.Process) -> dict[str, float]:
    """CPU and memory of the controller over `MEASURED_S`, and the twin's CPU beside it."""
    time.sleep(WARM_UP_S)
    began_s, cpu, twin_cpu = time.monotonic(), process.cpu_times(), twin.cpu_times()
    written = process.io_counters().write_chars
    most_bytes = 0
    while time.monotonic() - began_s < MEASURED_S:
        most_bytes = max(most_bytes, process.memory_info().rss)
        time.sleep(0.5)
    took_s = time.monotonic() - began_s
    used_s, twin_s = (
        now.user + now.system - then.user - then.system
        for now, then in ((process.cpu_times(), cpu), (twin.cpu_times(), twin_cpu))
    )
    return {
        "cpu_pct": 100 * used_s / took_s,
        "reference_cpu_pct": 100 * twin_s / took_s,
        "resident_mb": most_bytes / 1e6,
        "written_mb_per_day": (process.io_counters().write_chars - written) / took_s * DAY_S / 1e6,
    }


def latencies_s(steps: list[StepRecord]) -> list[float]:
    """From a sample's arrival to its first lowering write on the wire, one for each such command."""
    found: list[float] = []
    waiting: dict[str, float] = {}
    for step in steps:
        done = [seen for seen in step.inputs if isinstance(seen, LimitApplied) and seen.der_id in waiting]
        found += [seen.sent_s - waiting.pop(seen.der_id) for seen in done if seen.der_id in waiting]
        samples_s = [seen.received_s for seen in step.inputs if isinstance(seen, MeterReading)]
        for told in step.commands:
            waiting.pop(told.der_id, None)
            if told.urgent and samples_s:
                waiting[told.der_id] = samples_s[-1]
    return found


def run() -> dict[str, float | str]:
    """All figures of one run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "twin.yaml").write_text(json.dumps(TWIN))  # JSON is YAML
        site = folder / "site.yaml"
        serve = command("hil.cli.main", "twin", str(folder / "twin.yaml"), "--write-site", str(site))
        with subprocess.Popen(serve, cwd=ROOT, stdout=subprocess.PIPE, text=True) as twin:
            try:
                assert twin.stdout is not None
                while twin.stdout.readline() != "serving\n":
                    assert twin.poll() is None, "the twin does not serve"
                site.write_text(site.read_text() + "controller: {telemetry_poll_s: 1.0, verify_s: 5.0}\n")
                control = command("pcs.cli.main", "run", str(site))
                with subprocess.Popen(control, cwd=ROOT, stderr=subprocess.DEVNULL) as pcs:
                    result = measured(psutil.Process(pcs.pid), psutil.Process(twin.pid))
                    pcs.terminate()
                    assert pcs.wait(20) == 0
            finally:
                twin.terminate()
        with closing(connect(folder / "journal" / "journal.sqlite")) as db:
            steps = [step for _, _, step in read_steps(db)]
            stored = db.execute("SELECT sum(length(data)) FROM steps").fetchone()[0]
    found_ms = sorted(1000 * s for s in latencies_s(steps))
    lasted_s = steps[-1].now.mono_s - steps[0].now.mono_s
    return {
        **result,
        "journal_steps_mb_per_day": stored / lasted_s * DAY_S / 1e6,
        "steps_per_s": len(steps) / lasted_s,
        "sample_to_command_p50_ms": statistics.median(found_ms),
        "sample_to_command_p99_ms": found_ms[int(0.99 * len(found_ms))],
        "commands_measured": float(len(found_ms)),
    }
