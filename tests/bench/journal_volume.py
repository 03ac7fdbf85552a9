"""What the journal writes in a day, in real time and by what: `python -m tests.bench.journal_volume [--seconds 300]`.

The recording of `bench_journal` is given to real journals at the pace at which it happened, the parts of it to one
process each. `written` are pages that a process made dirty (/proc/PID/io). Where `--folder` lies on a file system of
its own that nobody else uses, `device` is what reached its block device, with the file system's log; the parts then run
one after the other. A loop device will do: `mkfs.ext4 -b 4096 -E lazy_itable_init=0,lazy_journal_init=0 FILE`, and
`mount -o loop FILE FOLDER`.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from pcs.io.journal_sqlite import SqliteJournal
from pcs.model.units import Instant
from tests.bench.bench_journal import DAY_S, _Recorder, recorded, written

PARTS = {
    "all": ("intend", "step", "checkpoint", "event"),
    "steps": ("step", "checkpoint"),
    "events": ("event",),
    "intents": ("intend",),
}
SKIPPED_S = 100.0  # of the recording: the start


class _ThenClock:
    """The recording's time, which goes on from where it is skipped to."""

    def __init__(self) -> None:
        self._zero_s = time.monotonic() - SKIPPED_S

    def now(self) -> Instant:
        passed_s = time.monotonic() - self._zero_s
        return Instant(mono_s=passed_s, utc_s=1.78e9 + passed_s)


def device_bytes(folder: Path) -> int:
    """Written to the block device that this folder lies on, since it is there."""
    number = os.stat(folder).st_dev
    path = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat")
    return int(path.read_text().split()[6]) * 512 if path.exists() else 0


def play(recorder: _Recorder, wanted: tuple[str, ...], seconds: float, folder: str) -> tuple[int, int]:
    """Give a journal these parts in real time; bytes written meanwhile by this process, and to the device."""
    with tempfile.TemporaryDirectory(dir=folder) as directory:
        clock = _ThenClock()
        journal = SqliteJournal(directory, clock)
        journal.flush()
        os.sync()
        before, device = written()[0], device_bytes(Path(directory))
        for at_s, call in recorder.calls:
            if SKIPPED_S <= at_s <= SKIPPED_S + seconds and call.__qualname__.split(".")[1] in wanted:
                time.sleep(max(0.0, at_s - clock.now().mono_s))
                call(journal)
        time.sleep(max(0.0, SKIPPED_S + seconds - clock.now().mono_s))
        result = written()[0] - before, device_bytes(Path(directory)) - device
        journal.close()
        return result


def main() -> int:
    """Print one line for each part."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.journal_volume", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--folder", help="where to write; on a file system of its own, the device is measured, too")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    arguments = parser.parse_args()
    recorder, _ = recorded()
    for part in arguments.parts:
        child = os.fork()
        if child == 0:
            pages, device = play(recorder, PARTS[part], arguments.seconds, arguments.folder)
            per_day = DAY_S / arguments.seconds / 1e6
            more = f", device {device * per_day:.0f} MB/day" if arguments.folder else ""
            print(f"{part}: written {pages * per_day:.0f} MB/day{more}", flush=True)
            os._exit(0)
        if arguments.folder:
            os.waitpid(child, 0)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return 0


if __name__ == "__main__":
    sys.exit(main())
