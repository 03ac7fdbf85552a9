"""What outlives the process: the latch in a small file that is whole or known to be damaged, and a bounded log."""

import contextlib
import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pcs.model.units import Instant
from pcs.supervisor.state import Mode, News, Reason, State

STATE_NAME = "supervisor.json"
LOG_NAME = "supervisor.jsonl"
LOG_BYTES_MOST = 1_000_000
"""One older log is kept: some 10,000 lines altogether."""
SCHEMA = "pcs.supervisor-state/1"


class Memory:
    """The two files in the journal folder. Trouble with the disk is noted and never stops the supervisor."""

    def __init__(self, folder: Path) -> None:
        self._state, self._log = folder / STATE_NAME, folder / LOG_NAME
        self.trouble = ""

    def load(self, now: Instant) -> State | None:
        """What the run before left; a fresh memory where there was none; None where the file is damaged."""
        fresh = State(heard_s=now.mono_s, changed_s=now.mono_s)
        try:
            found = json.loads(self._state.read_bytes())
            kept = found["state"]
            if found["schema"] != SCHEMA or found["sha256"] != _digest(kept):
                return None
            reason = None if kept["reason"] is None else Reason[kept["reason"]]
            tripped = None if kept["tripped_utc_s"] is None else float(kept["tripped_utc_s"])
            return State(
                mode=Mode.WAITING if reason is None else Mode.TRIPPED,
                reason=reason,
                detail=str(kept["detail"]),
                tripped_utc_s=tripped,
                rearms_utc_s=tuple(float(at_s) for at_s in kept["rearms_utc_s"]),
                heard_s=now.mono_s,
                changed_s=now.mono_s,
            )
        except FileNotFoundError:
            return fresh
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, state: State) -> None:
        """Write the latch beside the old one, make it durable, and put it in its place."""
        kept = {
            "mode": state.mode.value,
            "reason": None if state.reason is None else state.reason.name,
            "detail": state.detail,
            "tripped_utc_s": state.tripped_utc_s,
            "rearms_utc_s": list(state.rearms_utc_s),
        }
        text = json.dumps({"schema": SCHEMA, "sha256": _digest(kept), "state": kept}, indent=1)
        beside = self._state.with_suffix(".new")
        try:
            with open(beside, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, self._state)
            self.trouble = ""
        except OSError as error:
            self.trouble = f"{self._state}: {error.strerror or error}"

    def tell(self, news: News, now: Instant) -> None:
        """Add a line to the log."""
        at = datetime.fromtimestamp(now.utc_s, UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"at": at, "mono_s": round(now.mono_s, 3), "what": news.what, "text": news.text})
        with contextlib.suppress(OSError):
            if self._log.exists() and self._log.stat().st_size > LOG_BYTES_MOST:
                os.replace(self._log, self._log.with_suffix(".jsonl.1"))
        try:
            with open(self._log, "a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            self.trouble = f"{self._log}: {error.strerror or error}"

    def lines(self) -> list[dict[str, Any]]:
        """The log, oldest first; a line that was cut off by a crash is left out."""
        found = []
        with contextlib.suppress(OSError):
            for line in self._log.read_text(encoding="utf-8", errors="replace").splitlines():
                with contextlib.suppress(ValueError):
                    found.append(json.loads(line))
        return found


def _digest(kept: Any) -> str:
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
