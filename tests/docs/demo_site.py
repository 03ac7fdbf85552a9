"""Makes `docs/images/demo.png`: the default demo as it really was, by the twin's own record. No test compares it."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TARGET = Path(__file__).parents[2] / "docs" / "images" / "demo.png"


def generate() -> None:
    """Run the demo once and keep its picture."""
    with tempfile.TemporaryDirectory(prefix="demo") as name:
        folder = Path(name) / "run"
        command = [sys.executable, "-m", "hil.cli.main", "demo", "--out", str(folder)]
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
        shutil.copy(folder / "demo.png", TARGET)


if __name__ == "__main__":
    generate()
