"""Looks at a parsed file that may be wrong anywhere: cross checks must not wait until every other mistake is gone."""

from collections.abc import Iterator
from math import inf

from pcs.config.yaml_marks import Document, Path_

RawBlock = dict[str, object]


def block(document: Document, section: str) -> RawBlock:
    """A top-level block of keys, empty if the file has none there."""
    data = document.data
    value = data.get(section) if isinstance(data, dict) else None
    return value if isinstance(value, dict) else {}


def entries(document: Document, section: str) -> Iterator[tuple[Path_, RawBlock]]:
    """The entries of a top-level list that are blocks of keys, with their paths."""
    data = document.data
    items = data.get(section) if isinstance(data, dict) else None
    for i, item in enumerate(items if isinstance(items, list) else []):
        if isinstance(item, dict):
            yield (section, i), item


def word(raw: RawBlock, key: str) -> str | None:
    """A text value, None where there is none or something else stands there."""
    value = raw.get(key)
    return value if isinstance(value, str) else None


def number(raw: RawBlock, key: str) -> float | None:
    """A finite number of any unit, None where there is none or something else stands there."""
    value = raw.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < inf:
        return None
    return float(value) if abs(value) < 1e300 else None
