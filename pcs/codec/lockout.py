"""The record of lock-outs as one line of JSON with a digest: whole, or known to be damaged."""

import json
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from pcs.model.lockout import Lockout, LockoutAction, LockoutRecord, Mark, UnderWay

SCHEMA = "pcs.lockout/1"


def encode_lockout(record: LockoutRecord, number: int) -> bytes:
    """The line of a record; `number` orders the records of a site."""
    kept: dict[str, Any] = asdict(record)
    if record.locked is not None:
        kept["locked"]["action"] = record.locked.action.name
    content = {"schema": SCHEMA, "number": number, "record": kept}
    return json.dumps({**content, "sha256": _digest(content)}, separators=(",", ":")).encode("ascii") + b"\n"


def decode_lockout(line: bytes) -> tuple[int, LockoutRecord]:
    """Number and record of a line.

    Raises:
        ValueError: it is damaged, or none of ours.
    """
    try:
        content = json.loads(line)
        digest = content.pop("sha256")
        if content["schema"] != SCHEMA or digest != _digest(content):
            raise ValueError("the digest does not fit")
        kept = content["record"]
        locked = kept["locked"]
        return int(content["number"]), LockoutRecord(
            clock_s=float(kept["clock_s"]),
            marks=tuple(Mark(rule_id=str(m["rule_id"]), at_s=float(m["at_s"])) for m in kept["marks"]),
            locked=None if locked is None else _locked(locked),
            begun_s=tuple(float(s) for s in kept["begun_s"]),
            under_way=tuple(
                UnderWay(line=str(u["line"]), beyond_pct=float(u["beyond_pct"]), lasted_s=float(u["lasted_s"]))
                for u in kept["under_way"]
            ),
            orderly=bool(kept["orderly"]),
        )
    except (TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ValueError(f"not the record of a lock-out ({error})") from error


def _locked(kept: dict[str, Any]) -> Lockout:
    return Lockout(
        renewed_s=float(kept["renewed_s"]),
        since_utc_s=float(kept["since_utc_s"]),
        action=LockoutAction[kept["action"]],
        why=str(kept["why"]),
    )


def _digest(content: dict[str, Any]) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode("ascii")).hexdigest()
