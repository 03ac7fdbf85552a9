"""The ledger of the fault campaign: stretches of seeds, resumed where they ended, on one commit and interpreter."""

from dataclasses import replace
from pathlib import Path

from tests.campaign import ledger
from tests.campaign.__main__ import Found, told
from tests.campaign.ledger import Stretch, added, chained, enter, read, still_to_play

ONE = Stretch(
    kind="core", first=7, seeds=1, commit="abc", interpreter="CPython 3.11", site_s=3600.0, cpu_s=1.5, digest="d7"
)


def test_a_run_that_follows_a_stretch_lengthens_it_and_any_other_begins_one() -> None:
    rows = added(added([], ONE), replace(ONE, first=8, digest="d8", violated=(8,)))
    assert [(r.first, r.seeds, r.site_s, r.cpu_s, r.violated) for r in rows] == [(7, 2, 7200.0, 3.0, (8,))]
    for other in (
        replace(ONE, first=10),
        replace(ONE, first=9, kind="stack"),
        replace(ONE, first=9, commit="abd"),
        replace(ONE, first=9, interpreter="PyPy 3.11"),
        replace(ONE, first=9, every=2),
    ):
        assert len(added(rows, other)) == 2


def test_the_digest_of_a_stretch_tells_any_of_its_runs_and_their_order() -> None:
    rows = added(added([], ONE), replace(ONE, first=8, digest="d8"))
    assert rows[0].digest == chained(chained("", "d7"), "d8")
    assert rows[0].digest != chained(chained("", "d8"), "d7")


def test_what_a_commit_has_played_it_does_not_play_again() -> None:
    rows = [replace(ONE, first=5, seeds=3), replace(ONE, first=20, seeds=2, every=3)]
    assert still_to_play(range(4, 10), "core", "abc", rows) == [4, 8, 9]
    assert still_to_play(range(19, 25), "core", "abc", rows) == [19, 21, 22, 24]
    assert still_to_play(range(4, 6), "core", "other", rows) == [4, 5]
    assert still_to_play(range(4, 6), "stack", "abc", rows) == [4, 5]


def test_the_ledger_is_read_back_as_it_was_entered(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    enter(ONE, path)
    enter(replace(ONE, first=8, digest="d8", violated=(8,)), path)
    assert read(path) == added(added([], ONE), replace(ONE, first=8, digest="d8", violated=(8,)))


def test_runs_of_a_commit_are_entered_and_runs_of_changed_code_are_not(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    runs = [Found(kind="core", seed=n, site_s=3600.0, cpu_s=1.0, digest=str(n)) for n in (1, 2)]
    told(runs, 2, "", path)
    assert read(path) == []
    told(runs, 2, "abc", path)
    assert [(r.first, r.seeds, r.commit) for r in read(path)] == [(1, 2, "abc")]


def test_the_page_has_the_table_of_the_ledger() -> None:
    """`python -m tests.campaign.ledger` makes it anew."""
    text = ledger.PAGE.read_text(encoding="utf-8")
    assert ledger.page(text, read()) == text
    assert ledger.page(text, added(read(), ONE)) != text
