"""What is shipped: licence, profiles in the wheel, pinned and hashed requirements, nothing of the maker's machine."""

import re
import tomllib
from typing import Any

import pytest

from tests.architecture.tree import text_of, tracked

FOREIGN = (  # what a tracked file must not carry: where packages came from, and where somebody's files lie
    re.compile(r"pypi\.org|python[h]osted\.org|//[\w.-]+(:\d+)?/simple\b"),
    re.compile(r"--(extra-)?index[-]url|--find[-]links|--trusted[-]host|^index[-]url", re.MULTILINE),
    re.compile(r"(?<![\w.~$}-])/(?:work|root|Users|opt/pypi)[/\b]|(?<![\w.])/home/\w"),
    re.compile(r"file:[/]{3}"),
)
PROFILES = "firmware_config"


def foreign(path: str, text: str) -> list[str]:
    """Index hosts and machine paths in a text."""
    return [f"{path}: {hit.group()}" for pattern in FOREIGN for hit in pattern.finditer(text)]


def unshipped(project: dict[str, Any]) -> list[str]:
    """What the wheel would lack, read from the build configuration."""
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    found = [f"package {name}" for name in ("pcs", "hil") if name not in wheel["packages"]]
    if PROFILES not in wheel.get("force-include", {}):
        found.append(PROFILES)
    return found + [name for name in ("LICENSE", "NOTICE") if name not in project["project"].get("license-files", ())]


def unpinned(requirements: str) -> list[str]:
    """Requirements without an exact version and a hash."""
    entries = re.split(r"\n(?=\S)", re.sub(r"^ *#.*\n?", "", requirements, flags=re.MULTILINE).strip())
    return [entry.split()[0] for entry in entries if "==" not in entry.split()[0] or "--hash=sha256:" not in entry]


def project() -> dict[str, Any]:
    """The build configuration."""
    return tomllib.loads(text_of("pyproject.toml"))


def test_the_licence_is_apache_2_and_lies_in_the_tree() -> None:
    assert text_of("LICENSE").split()[:4] == ["Apache", "License", "Version", "2.0,"]
    assert project()["project"]["license"] == "Apache-2.0"


def test_the_wheel_carries_code_profiles_and_licence() -> None:
    assert unshipped(project()) == []
    assert any(path.startswith(f"{PROFILES}/") for path in tracked())


@pytest.mark.parametrize("name", ["requirements/dev.txt", "requirements/run.txt"])
def test_every_requirement_is_pinned_by_hash(name: str) -> None:
    assert unpinned(text_of(name)) == []


def test_the_gateway_installs_what_the_project_declares_and_no_numpy() -> None:
    pins = text_of("requirements/run.txt")
    declared = [re.split(r"[<>=]", line)[0] for line in project()["project"]["dependencies"]]
    assert [name for name in declared if f"\n{name.replace('.', '-')}==" not in f"\n{pins}"] == []
    assert "numpy" not in pins


def test_no_file_names_a_package_index_or_a_machine() -> None:
    assert [fault for path in tracked() for fault in foreign(path, text_of(path))] == []


@pytest.mark.parametrize(
    "text",
    [
        "see https://py" + "pi.org/project/x",
        "--index" + "-url https://mirror.example/x",
        "http://10.0.0.1:3141/root/" + "/mirror/simple/",
        "cp /wo" + "rk/x y",
        "open('/ho" + "me/alice/site.yaml')",
        "file:" + "///opt/x",
    ],
)
def test_an_index_or_a_machine_path_is_found(text: str) -> None:
    assert foreign("a.txt", text) != []


def test_relative_and_system_paths_pass_the_machine_rule() -> None:
    assert foreign("a.txt", "../shared/data, /etc/openpcs/site.yaml, ~/x, tests/work/x, serial:///dev/ttyUSB0") == []


def test_a_wheel_without_profiles_or_licence_is_found() -> None:
    bare = {"project": {}, "tool": {"hatch": {"build": {"targets": {"wheel": {"packages": ["pcs"]}}}}}}
    assert unshipped(bare) == ["package hil", PROFILES, "LICENSE", "NOTICE"]


def test_a_requirement_without_version_or_hash_is_found() -> None:
    text = "# head\na==1 \\\n    --hash=sha256:00\n    # via b\nb>=2 \\\n    --hash=sha256:00\nc==3\n"
    assert unpinned(text) == ["b>=2", "c==3"]
