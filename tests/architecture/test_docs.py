"""Pages stay true: links resolve, decisions are numbered and listed, commands and paths that are named exist."""

import re
from pathlib import PurePosixPath

import pytest

from tests.architecture.tree import CODE, ROOT, Module, modules, pages, text_of, tracked

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
OWN_PATH = re.compile(r"^(pcs|hil|tests|docs|deploy|firmware_config|requirements)/[\w./-]+$")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
SECTIONS = ("Status", "Context", "Decision", "Consequences")
DECISIONS = "docs/decisions/"


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", text)


def slug(heading: str) -> str:
    """The anchor of a heading, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    """Every anchor that a page offers."""
    return {slug(line.lstrip("#")) for line in prose(text).splitlines() if line.startswith("#")}


def dead_links(page: Module, texts: dict[str, str]) -> list[str]:
    """Relative links of a page that lead nowhere; `texts` are the files of the project, with the text of each page."""
    found = []
    for target in LINK.findall(prose(page.text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = str(PurePosixPath(page.path).parent / path) if path else page.path
        there = str(PurePosixPath(*normal(there)))
        exists = there in texts or any(name.startswith(f"{there}/") for name in texts)
        if not exists or (anchor and anchor not in anchors(texts.get(there, ""))):
            found.append(f"{page.path}: {target}")
    return found


def normal(path: str) -> list[str]:
    """The parts of a path with `..` taken out."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return parts


def dead_paths(page: Module, exists: set[str]) -> list[str]:
    """Paths in code spans that are no file or folder of the project."""
    spans = (span.rstrip("/") for span in CODE_SPAN.findall(prose(page.text)) if OWN_PATH.match(span))
    return [f"{page.path}: `{s}`" for s in spans if s not in exists and not any(f.startswith(f"{s}/") for f in exists)]


def ill_numbered(names: list[str], index: str) -> list[str]:
    """What is wrong with the names of decision records: numbers from 0001 without a gap, each listed in the index."""
    found = [f"{name}: not NNNN-words.md" for name in names if not re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", name)]
    numbers = [name[:4] for name in sorted(names)]
    if numbers != [f"{n:04}" for n in range(1, len(names) + 1)]:
        found.append(f"numbers are {numbers}")
    return found + [f"{name}: not listed" for name in names if f"]({name})" not in index]


def missing_sections(page: Module) -> list[str]:
    """Sections that a decision record lacks, and its title's number."""
    found = [f"{page.path}: no section {name}" for name in SECTIONS if f"\n## {name}\n" not in page.text]
    number = PurePosixPath(page.path).name[:4]
    return found if page.text.startswith(f"# {number} ") else [*found, f"{page.path}: title is not `# {number} ...`"]


def unknown_targets(page: Module, makefile: str) -> list[str]:
    """`make X` in code spans and blocks where the Makefile knows no X."""
    targets = set(re.findall(r"^([a-z]+):(?!=)", makefile, re.MULTILINE))
    named = re.findall(r"(?:^|`)make ([a-z]+)", page.text, re.MULTILINE)
    return [f"{page.path}: make {name}" for name in named if name not in targets]


def decisions() -> list[Module]:
    """The decision records."""
    return [page for page in pages() if page.path.startswith(DECISIONS) and not page.path.endswith("README.md")]


def test_every_relative_link_leads_somewhere() -> None:
    texts = {path: text_of(path) if path.endswith(".md") else "" for path in tracked()}
    assert [fault for page in pages() for fault in dead_links(page, texts)] == []


def test_every_path_that_a_page_names_exists() -> None:
    assert [fault for page in pages() for fault in dead_paths(page, set(tracked()))] == []


def test_every_decision_is_numbered_listed_and_whole() -> None:
    names = [PurePosixPath(page.path).name for page in decisions()]
    assert ill_numbered(names, text_of(DECISIONS + "README.md")) == []
    assert [fault for page in decisions() for fault in missing_sections(page)] == []


def test_the_readme_names_the_two_commands() -> None:
    assert [command for command in ("make demo", "make test") if command not in text_of("README.md")] == []


def test_every_make_command_that_a_page_names_exists() -> None:
    assert [fault for page in pages() for fault in unknown_targets(page, text_of("Makefile"))] == []


def test_every_package_stands_in_the_tree_of_the_design_page() -> None:
    tree = "\n".join(FENCE.findall(text_of("docs/DESIGN.md")))
    packages = {m.path.rsplit("/", 2)[-2] for m in modules(*CODE) if m.path.endswith("/__init__.py")}
    assert [name for name in sorted(packages) if f"{name}/" not in tree] == []


def test_the_changelog_names_the_version() -> None:
    import pcs

    assert f"## [{pcs.__version__}]" in text_of("CHANGELOG.md")
    assert (ROOT / "SECURITY.md").is_file()


@pytest.mark.parametrize(
    ("text", "offender"),
    [
        ("[x](gone.md)", "gone.md"),
        ("[x](../a.md#nowhere)", "../a.md#nowhere"),
        ("# Here\n[x](#there)", "#there"),
    ],
)
def test_a_dead_link_is_found(text: str, offender: str) -> None:
    assert dead_links(Module("docs/p.md", text), {"docs/p.md": text, "a.md": "# A"}) == [f"docs/p.md: {offender}"]


def test_a_link_that_leads_somewhere_passes() -> None:
    text = "# A b: c\n[a](#a-b-c) [b](../src/) [c](https://example.org) [d](q.md)\n```\n[e](gone.md)\n```"
    assert dead_links(Module("docs/p.md", text), {"docs/p.md": text, "docs/q.md": "", "src/x": ""}) == []


def test_a_path_that_does_not_exist_is_found() -> None:
    assert dead_paths(Module("p.md", "`pcs/core/gone.py` `pcs run`"), {"pcs/x.py"}) == ["p.md: `pcs/core/gone.py`"]


def test_a_gap_an_unlisted_and_an_incomplete_decision_are_found() -> None:
    assert ill_numbered(["0001-a.md", "0003-b.md"], "[a](0001-a.md)") == [
        "numbers are ['0001', '0003']",
        "0003-b.md: not listed",
    ]
    page = Module("docs/decisions/0002-x.md", "# 0001 X\n\n## Status\n\n## Context\n\n## Decision\n")
    assert [fault.partition(": ")[2] for fault in missing_sections(page)] == [
        "no section Consequences",
        "title is not `# 0002 ...`",
    ]


def test_an_unknown_make_command_is_found() -> None:
    assert unknown_targets(Module("p.md", "`make demo`\n\nmake magic\n"), "demo: setup\n") == ["p.md: make magic"]
