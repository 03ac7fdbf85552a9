"""Reads a YAML 1.2 file into plain values and remembers on which line each of them stands.

The file is composed into nodes and built here, not by a YAML constructor: every mistake is collected instead of
the first one thrown, keys given twice are seen, and nothing but text, numbers, booleans, null, lists and maps can
come out. In YAML 1.2 `22:00` and `NO` are text (1.1 made them 1320 and false). JSON is YAML.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from pcs.config.problems import Problem, shown

MAX_BYTES = 100_000
"""A site of 64 DERs takes some 10 kB. 100 kB of YAML take 1 s to parse, 1 MB took 12 s, and longer on a gateway."""
MAX_VALUES = 100_000
"""Aliases can make a small file unfold without end ("billion laughs")."""
MAX_DEPTH = 32
"""The deepest key of a site file lies at depth 5."""

_TAG = "tag:yaml.org,2002:"
_BLOCKS = {_TAG + "map", _TAG + "seq"}
_TEXT = {_TAG + t for t in ("str", "timestamp", "value", "merge")}

Path_ = tuple[str | int, ...]
"""Where a value lies: keys and list positions from the top."""


@dataclass(slots=True)
class Document:
    """A parsed file: its value, the line of each key and value, and what was wrong on the way."""

    file: str
    data: object = None
    digest: str = ""
    lines: dict[Path_, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path_) -> int:
        """The line of `path`, or of the nearest thing around it that exists."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def report(self, path: Path_, what: str, *, got: str = "", expected: str = "", hint: str = "") -> None:
        """Add a problem at `path`."""
        self.problems.append(
            Problem(
                file=self.file,
                line=self.line(path),
                path=spelled(path),
                what=what,
                got=got,
                expected=expected,
                hint=hint,
            )
        )


def spelled(path: Path_) -> str:
    """A path as people write it: ``limits[0].value``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return "".join(c if c.isprintable() else "?" for c in text)


def load(path: Path) -> Document:
    """Read and parse `path`. Never raises for what a file may hold; `Document.problems` says what is wrong."""
    document = Document(file=str(path).encode("utf-8", "backslashreplace").decode())
    raw = _read(path, document)
    if raw is not None:
        take(raw, document)
    return document


def take(raw: bytes, document: Document) -> None:
    """Parse a file's bytes into `document`."""
    if len(raw) > MAX_BYTES:
        expected = f"at most {MAX_BYTES // 1000} kB; a site of 64 DERs takes some 10 kB"
        _at_line(
            document,
            1,
            "is too large to be a site file or profile",
            expected=expected,
            hint="is this the right file?",
        )
        return
    document.digest = hashlib.sha256(raw).hexdigest()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _at_line(document, raw[: error.start].count(b"\n") + 1, "is not UTF-8 text", hint="save the file as UTF-8")
        return
    parse(text, document)


def parse(text: str, document: Document) -> None:
    """Parse `text` into `document`."""
    last_line = max(1, len(text.splitlines()))
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("%YAML") and line.split()[1:2] != ["1.2"]:
            _at_line(document, number, "asks for another YAML than 1.2", got=shown(line), hint="remove the line")
            return
    node: Node | None = None
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line_number = min(last_line, mark.line + 1) if isinstance(mark, StringMark) else 1
        _at_line(document, line_number, f"is not valid YAML: {error.problem or error.context}", hint=_yaml_hint(error))
    except ReaderError as error:
        line_number = min(last_line, text[: error.position].count("\n") + 1)
        _at_line(document, line_number, "holds a character that YAML does not allow", got=f"#x{error.character:04x}")
    except RecursionError:
        _at_line(document, 1, "is nested too deeply", expected=f"at most {MAX_DEPTH} levels")
    except (YAMLError, ValueError, LookupError, AttributeError, TypeError, AssertionError) as error:
        # The parser's own bugs on broken input; they must not hide that the file is what is wrong.
        _at_line(document, 1, f"is not valid YAML ({type(error).__name__})")
    else:
        if node is not None:
            document.data = _Builder(document, last_line).build(node, ())
        if document.data is None and not document.problems:
            _at_line(document, 1, "is empty", expected="a site file or profile", hint="see docs/site-file.md")


class _Builder:
    """Turns nodes into plain values, with a budget on how many."""

    def __init__(self, document: Document, last_line: int) -> None:
        self.document = document
        self.last_line = last_line
        self.values_left = MAX_VALUES

    def build(self, node: Node, path: Path_) -> object:
        self.document.lines.setdefault(path, self.line(node))
        self.values_left -= 1
        if len(path) > MAX_DEPTH or self.values_left < 0:
            if self.values_left >= -1:
                self.document.report(path, "is nested too deeply or unfolds too far", hint="check anchors and aliases")
            self.values_left = min(self.values_left, -1)
            return None
        if not isinstance(node, ScalarNode) and node.tag not in _BLOCKS:
            self.foreign_tag(node, path)
        match node:
            case MappingNode():
                return self.mapping(node, path)
            case SequenceNode():
                return [self.build(item, (*path, i)) for i, item in enumerate(node.value)]
            case _:
                return self.scalar(node, path)

    def mapping(self, node: MappingNode, path: Path_) -> dict[str, object]:
        result: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self.report_at(key_node, path, "has a key that is itself a list or a map", expected="a word as key")
                continue
            key = str(self.scalar(key_node, path) if key_node.style else key_node.value)
            place = (*path, key)
            if key in result:
                first = self.document.line(place)
                self.report_at(key_node, place, "key given twice", got=f"first on line {first}", expected="it once")
                continue
            self.document.lines[place] = self.line(key_node)
            result[key] = self.build(value_node, place)
        return result

    def scalar(self, node: Node, path: Path_) -> object:
        word = node.value
        if not isinstance(word, str):
            self.report_at(node, path, "is not a plain value")
            return None
        match str(node.tag).removeprefix(_TAG):
            case "null":
                return None
            case "bool":
                return word.lower() == "true"
            case "int":
                return _integer(word)
            case "float":
                return _real(word)
            case _ if node.tag in _TEXT:
                try:  # JSON writes characters beyond 16 bits as two escapes; a single half of one is no character
                    return word.encode("utf-16", "surrogatepass").decode("utf-16")
                except UnicodeDecodeError:
                    self.report_at(node, path, "holds half a character", hint="an escape \\uD800..\\uDFFF stands alone")
                    return None
        self.foreign_tag(node, path)
        return word

    def foreign_tag(self, node: Node, path: Path_) -> None:
        self.report_at(node, path, "has a YAML tag that is not used here", got=shown(str(node.tag)), hint="remove it")

    def line(self, node: Node) -> int:
        return int(min(self.last_line, node.start_mark.line + 1))

    def report_at(
        self, node: Node, path: Path_, what: str, *, got: str = "", expected: str = "", hint: str = ""
    ) -> None:
        self.document.problems.append(
            Problem(
                file=self.document.file,
                line=self.line(node),
                path=spelled(path),
                what=what,
                got=got,
                expected=expected,
                hint=hint,
            )
        )


def _integer(word: str) -> object:
    """A whole number of the YAML 1.2 core schema; anything else (such as 1_000) stays text."""
    sign = -1 if word.startswith("-") else 1
    digits = word.lstrip("+-")
    base = {"0x": 16, "0o": 8}.get(digits[:2], 10)
    digits = digits[2:] if base != 10 else digits
    try:
        return word if "_" in digits else sign * int(digits, base)
    except ValueError:
        return word


def _real(word: str) -> object:
    try:
        return word if "_" in word else float(word.lower().replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        return word


def _read(path: Path, document: Document) -> bytes | None:
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        document.problems.append(
            Problem(file=document.file, line=None, path="", what=f"cannot be read: {reason}", hint="check the path")
        )
        return None
    return raw


def _at_line(document: Document, line: int, what: str, *, got: str = "", expected: str = "", hint: str = "") -> None:
    document.problems.append(
        Problem(file=document.file, line=line, path="", what=what, got=got, expected=expected, hint=hint)
    )


def _yaml_hint(error: MarkedYAMLError) -> str:
    words = f"{error.context or ''} {error.problem or ''}"
    if "\\t" in words or "\t" in words:
        return "indent with spaces, not tabs"
    if "document" in words:
        return "one file holds one site; remove the line ---"
    return "check indentation, brackets and quotes here and on the line before"
