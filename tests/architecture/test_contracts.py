"""The import contracts of pyproject.toml: complete, each one able to fail. `make lint` holds the project to them."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, modules, text_of

CONTRACTS = {c["id"]: c for c in tomllib.loads(text_of("pyproject.toml"))["tool"]["importlinter"]["contracts"]}
PACKAGES = sorted({m.path.split("/")[1].removesuffix(".py") for m in modules("pcs")} - {"__init__"})
BENCH = ("cli", "runner", "report", "fault", "verdict", "rig", "analysis", "plant", "profile")
SINS = (  # each file breaks one contract
    ("pcs-layers", "pcs/core/sin.py", "import pcs.ports"),
    ("pcs-layers", "pcs/config/sin.py", "import pcs.devices"),
    ("pcs-layers", "pcs/devices/sin.py", "import pcs.runtime"),
    ("pcs-layers", "pcs/codec/sin.py", "import pcs.core"),
    ("pcs-layers", "pcs/newcomer.py", ""),
    ("pure", "pcs/core/sin.py", "from time import monotonic"),
    ("pure", "pcs/codec/sin.py", "import pymodbus.client"),
    ("sockets-and-files", "pcs/devices/sin.py", "import pymodbus"),
    ("supervisor-alone", "pcs/supervisor/sin.py", "import pcs.core"),
    ("supervisor-alone", "pcs/supervisor/sin.py", "import pymodbus"),
    ("supervisor-decides-purely", "pcs/supervisor/decide.py", "import time"),
    ("controller-without-bench", "pcs/io/sin.py", "import hil.plant"),
    ("controller-without-bench", "pcs/runtime/sin.py", "import numpy"),
    ("judge-without-judged", "hil/rig/sin.py", "import pcs.codec"),
    ("judge-without-judged", "hil/cli/sin.py", "import pcs.ports"),
    ("hil-layers", "hil/plant/sin.py", "import hil.rig"),
    ("hil-layers", "hil/profile/sin.py", "import hil.rig"),
    ("hil-layers", "hil/newcomer/__init__.py", ""),
)


def tree(folder: Path, *, sin: str = "", source: str = "") -> Path:
    """A project of empty packages with our contracts, and one file that may break them."""
    shutil.copy(ROOT / "pyproject.toml", folder)
    for package in ("pcs", "hil", *(f"pcs/{name}" for name in PACKAGES), *(f"hil/{name}" for name in BENCH)):
        (folder / package).mkdir()
        (folder / package / "__init__.py").touch()
    for module in CONTRACTS["supervisor-decides-purely"]["source_modules"]:
        (folder / f"{module.replace('.', '/')}.py").touch()
    if sin:
        (folder / sin).parent.mkdir(exist_ok=True)
        (folder / sin).write_text(source)
    return folder


def broken(folder: Path, *contracts: str) -> bool:
    """Whether one of the contracts does not hold in the tree at `folder`."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    command += [word for contract in contracts for word in ("--contract", contract)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert "contract configuration" not in done.stdout, done.stdout
    return done.returncode == 1


def test_every_contract_holds_in_an_innocent_tree(tmp_path: Path) -> None:
    assert not broken(tree(tmp_path), *CONTRACTS)


@pytest.mark.parametrize(("contract", "sin", "source"), SINS)
def test_each_contract_finds_the_import_it_forbids(contract: str, sin: str, source: str, tmp_path: Path) -> None:
    assert broken(tree(tmp_path, sin=sin, source=source), contract)


def test_every_contract_has_a_sin_that_breaks_it() -> None:
    assert {contract for contract, _, _ in SINS} == set(CONTRACTS)


def test_the_judge_is_kept_from_every_package_but_the_vocabulary() -> None:
    forbidden = CONTRACTS["judge-without-judged"]["forbidden_modules"]
    assert sorted(forbidden) == [f"pcs.{name}" for name in PACKAGES if name != "model"]


@pytest.mark.parametrize("folder", ["codec", "core", "model"])
def test_a_clock_in_pure_code_is_refused_with_the_advice_to_take_now(folder: str) -> None:
    command = [str(Path(sys.executable).with_name("ruff")), "check", "--no-cache", "--stdin-filename"]
    sin = subprocess.run(
        [*command, f"pcs/{folder}/sin.py", "-"],
        cwd=ROOT,
        input="import time\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert sin.returncode == 1
    assert "take `now` as an argument" in sin.stdout
