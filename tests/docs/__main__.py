"""`make docs`: runs every module of this folder; each rewrites the pages or files that it makes."""

import runpy
from pathlib import Path

for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
    runpy.run_module(f"tests.docs.{path.stem}", run_name="__main__")
