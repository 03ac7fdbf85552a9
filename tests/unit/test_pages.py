"""What the README and the installation page tell people to type and to write works as it stands there."""

import re
import shlex
from pathlib import Path

import click
import pytest

from hil.cli.main import cli as hil_cli
from pcs.cli import main as pcs
from pcs.config import load_site

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/install.md")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`((?:pcs|hil|make) [^`\n]+)`(?!`)")
TARGET = re.compile(r"^([a-z]+):(?!=)", re.MULTILINE)


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in one language."""
    found = FENCE.findall((ROOT / page).read_text(encoding="utf-8"))
    return [text for name, text in found if name == language]


def commands(page: str) -> list[list[str]]:
    """Every command of ours that a page names, in blocks and in spans: program, then arguments."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    lines += SPAN.findall((ROOT / page).read_text(encoding="utf-8"))
    found = []
    for text in lines:
        words = shlex.split(text, comments=True)
        for k, word in enumerate(words):
            if word == "make" or (Path(word).name in ("pcs", "hil") and k < len(words) - 1):
                found.append([Path(word).name, *words[k + 1 :]])
                break
    return found


def known(command: list[str]) -> bool:
    """Whether this command line is one that exists: every word is a command, an option or an argument that it takes."""
    program, *words = command
    if program == "make":
        return set(words) <= set(TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    group: click.Command | None = pcs.cli if program == "pcs" else hil_cli
    assert group is not None
    context = click.Context(group)
    while isinstance(group, click.Group) and words:
        context = click.Context(group, parent=context)
        group = group.get_command(context, words.pop(0))
    if group is None:
        return False
    try:
        group.make_parser(click.Context(group)).parse_args(words)
    except click.UsageError:
        return False
    return len([word for word in words if not word.startswith("-")]) <= len(group.params)


@pytest.mark.parametrize("page", PAGES)
def test_every_site_file_of_a_page_is_valid_as_it_stands(page: str, tmp_path: Path) -> None:
    files = blocks(page, "yaml")
    assert files
    for text in files:
        path = tmp_path / "site.yaml"
        path.write_text(text, encoding="utf-8")
        assert load_site(path).limits
        assert pcs.run(["check", str(path)]) == 0
    assert all(len(text.splitlines()) <= 10 for text in files)


@pytest.mark.parametrize("page", [*PAGES, "docs/explain.md"])
def test_every_command_of_ours_on_a_page_exists_with_its_arguments(page: str) -> None:
    found = commands(page)
    assert len(found) >= 3
    assert [" ".join(command) for command in found if not known(command)] == []


@pytest.mark.parametrize(
    "command", ["pcs chek site.yaml", "pcs check --nonsense site.yaml", "hil dmo", "make magic", "pcs journal look DIR"]
)
def test_a_command_that_does_not_exist_is_found(command: str) -> None:
    assert not known(command.split())


def test_every_path_that_the_installation_copies_or_installs_from_exists() -> None:
    """What lies under the checkout is named in the page from its place in `/opt/openpcs` or relative to it."""
    text = "\n".join(blocks("docs/install.md", "sh"))
    named = re.findall(r"/opt/openpcs/([\w./-]+)", text) + re.findall(r"(?<=-r )([\w./-]+)", text)
    ours = [name for name in named if not name.startswith(".venv")]
    assert ours
    assert [name for name in ours if not (ROOT / name).is_file()] == []


def test_the_service_runs_what_the_installation_page_installs() -> None:
    unit = (ROOT / "deploy" / "openpcs.service").read_text(encoding="utf-8")
    started = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert started
    program, *words = started.group(1).split()
    assert known([Path(program).name, *words])
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    assert program in page
    assert words[-1] in page


def test_the_pictures_of_the_readme_lie_in_the_tree() -> None:
    for name in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert (ROOT / name).read_bytes().startswith((b"<svg ", b"\x89PNG"))
