"""The journal: what is whole is read, a torn last line is cut, and anything else is refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.runner.journal import JOURNAL, BadJournalError, Entry, Journal, decode, encode, last_attempts, read_journal

TEXT = st.text(max_size=20)
ENTRIES = st.lists(
    st.builds(
        Entry,
        utc=st.just("2026-01-02T03:04:05.678Z"),
        kind=st.sampled_from(["run", "start", "resume", "stop"]),
        state=st.sampled_from(["", "open", "done"]),
        rig_s=st.none() | st.floats(0.0, 1e6),
        case=TEXT,
        id=TEXT,
        repeat=st.integers(0, 9),
        attempt=st.integers(0, 9),
        end=TEXT,
        reason=TEXT,
        note=TEXT,
    ),
    max_size=6,
)


@given(ENTRIES)
def test_what_was_written_is_read_back(entries: list[Entry]) -> None:
    content = b"".join(map(encode, entries))
    assert decode(content) == (entries, len(content))


@given(ENTRIES.filter(bool), st.data())
def test_a_journal_cut_anywhere_loses_the_torn_line_alone(entries: list[Entry], data: st.DataObject) -> None:
    lines = [encode(entry) for entry in entries]
    content = b"".join(lines)
    cut = data.draw(st.integers(0, len(content)))
    whole = [entry for i, entry in enumerate(entries) if len(b"".join(lines[: i + 1])) <= cut]
    assert decode(content[:cut]) == (whole, len(b"".join(lines[: len(whole)])))


def test_a_torn_line_is_cut_before_the_next_is_added(tmp_path: Path) -> None:
    first, second = (Entry(utc="2026-01-02T03:04:05Z", state=state) for state in ("open", "done"))
    (tmp_path / JOURNAL).write_bytes(encode(first) + encode(second)[:-9])
    journal = Journal(tmp_path)
    assert journal.was_torn
    journal.append(second)
    journal.close()
    assert read_journal(tmp_path) == [first, second]


def test_a_last_line_of_zeros_after_a_power_cut_is_torn(tmp_path: Path) -> None:
    first = Entry(utc="2026-01-02T03:04:05Z", state="open")
    assert decode(encode(first) + b"\0" * 40 + b"\n") == ([first], len(encode(first)))


@pytest.mark.parametrize("line", [b"{}\n", b"[1]\n", b"not json\n", b'{"utc": "x", "state": \n'])
def test_a_damaged_line_inside_is_refused_with_its_number(tmp_path: Path, line: bytes) -> None:
    first = encode(Entry(utc="2026-01-02T03:04:05Z", state="open"))
    (tmp_path / JOURNAL).write_bytes(first + line + first)
    with pytest.raises(BadJournalError, match="line 2"):
        Journal(tmp_path)
    with pytest.raises(BadJournalError, match=r"journal\.jsonl: line 2"):
        read_journal(tmp_path)


def test_the_greatest_attempt_counts_whatever_the_order() -> None:
    entries = [Entry(utc="x", case="c", repeat=1, attempt=attempt) for attempt in (2, 3, 1)]
    assert last_attempts([*entries, Entry(utc="x", kind="stop", case="c", repeat=9)]) == {("c", 1): 3}
