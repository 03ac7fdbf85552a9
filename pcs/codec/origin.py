"""What a run of the controller came from, kept at the head of its journal: program, files, and classes of its lines."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256

from pcs.codec.journal import VOCABULARY
from pcs.codec.values import Table

MAX_TEXT_CHARS = 200_000
"""Of one file; the largest site file of the examples has 3 000. What is longer is cut, and its digest shows that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file as it was read: name, text, and the SHA-256 of its bytes."""

    name: str
    sha256: str
    text: str

    def is_whole(self) -> bool:
        """Whether the text is the one that the digest was made of."""
        return sha256(self.text.encode("utf-8", "surrogateescape")).hexdigest() == self.sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Program version, the site file and the device profiles, and the classes that the run's lines are made of."""

    program: str = ""
    files: tuple[SourceFile, ...] = ()
    table: Table = field(default_factory=lambda: VOCABULARY.table)


def source_file(name: str, data: bytes) -> SourceFile:
    """A file with its digest."""
    text = data.decode("utf-8", "surrogateescape")[:MAX_TEXT_CHARS]
    return SourceFile(name=name, sha256=sha256(data).hexdigest(), text=text)


def encode_origin(origin: Origin) -> bytes:
    """The origin as JSON."""
    return json.dumps(asdict(origin), separators=(",", ":")).encode("ascii")


def decode_origin(text: bytes) -> Origin:
    """The origin of `encode_origin`.

    Raises:
        ValueError: this is none.
    """
    try:
        content = json.loads(text)
        table: dict[str, Sequence[str]] = {str(k): [str(name) for name in v] for k, v in content["table"].items()}
        files = tuple(SourceFile(**one) for one in content["files"])
        return Origin(program=str(content["program"]), files=files, table=table)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ValueError(f"not the origin of a run ({error}): {text[:80]!r}") from error
