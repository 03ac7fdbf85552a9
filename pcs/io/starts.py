"""How often the controller had to be started lately: a small file that is whole, or known to be damaged."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

STARTS_NAME = "starts.json"
SCHEMA = "pcs.starts/1"
STORM_STARTS = 5
STORM_WITHIN_S = 600.0
"""Five starts in ten minutes without one good end: systemd tries every 5 s, people and power cuts do not."""
KEPT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Lately:
    """Starts without a good end, this one included, that count as one storm; `damaged`: the file could not be read."""

    starts: int
    damaged: bool = False

    @property
    def storm(self) -> str:
        """Why this start is held in the safe set, in words; empty where it is not."""
        if self.damaged:
            return f"{STARTS_NAME} is damaged: how often it was started lately is not known"
        if self.starts < STORM_STARTS:
            return ""
        return f"started {self.starts} times within {STORM_WITHIN_S / 60:.0f} minutes without ending in good order"


class Starts:
    """The file in the journal folder. A disk that cannot be written is no reason not to start."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / STARTS_NAME

    def begin(self, utc_s: float) -> Lately:
        """Note this start. Times ahead of the clock count, too: a clock that jumped back must not hide a storm."""
        known = self._load()
        recent = [at_s for at_s in known or [] if abs(utc_s - at_s) <= STORM_WITHIN_S]
        kept = [*recent, utc_s][-KEPT:]
        self._save(kept)
        return Lately(starts=len(kept), damaged=known is None)

    def ended(self) -> None:
        """This run ended in good order: what was before it does not count any more."""
        self._save([])

    def _load(self) -> list[float] | None:
        try:
            found = json.loads(self._path.read_bytes())
            starts = [float(at_s) for at_s in found["starts"]]
            return starts if found["schema"] == SCHEMA and found["sha256"] == _digest(starts) else None
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _save(self, starts_s: list[float]) -> None:
        text = json.dumps({"schema": SCHEMA, "sha256": _digest(starts_s), "starts": starts_s})
        beside = self._path.with_suffix(".new")
        try:
            with open(beside, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, self._path)
        except OSError:
            return  # the journal tells of a disk in trouble


def _digest(starts_s: list[float]) -> str:
    return hashlib.sha256(json.dumps(starts_s).encode()).hexdigest()
