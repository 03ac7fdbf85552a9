"""The journal's hash chains: each entry is bound to the one before it; none can be changed or taken out unseen.

SHA-256 over the previous link and every field of the entry, each with its kind and length, so that no two different
entries have one text. Whoever can rewrite a whole journal can also compute a new chain; only a link that was noted
elsewhere (a commissioning report, an outer system) shows that.
"""

from hashlib import sha256
from struct import pack

LINK_BYTES = 32
ORIGIN = bytes(LINK_BYTES)
"""What the first entry of a chain is bound to."""

Field = int | float | str | bytes | None


def link(previous: bytes, *fields: Field) -> bytes:
    """The link of an entry that follows `previous`."""
    text = sha256(previous)
    for field in fields:
        kind, data = _plain(field)
        text.update(b"%c%b" % (kind, pack("<q", len(data))))
        text.update(data)
    return text.digest()


def _plain(field: Field) -> tuple[bytes, bytes]:
    match field:
        case bytes():
            return b"b", field
        case str():
            return b"s", field.encode("utf-8", "surrogatepass")
        case int():
            return b"i", str(field).encode("ascii")
        case float():
            return b"f", pack("<d", field)
        case None:
            return b"n", b""
