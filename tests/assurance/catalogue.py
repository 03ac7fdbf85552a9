"""The requirements of `requirements.yaml` and the hazards of `hazards.yaml`, read and checked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

HERE = Path(__file__).parent
OURS = frozenset({"controller", "bench"})
PARTIES = OURS | {"installer", "manufacturer", "utility", "nobody"}
EVIDENCE = frozenset({"S", "S2", "M+", "M-", "derived", "not found"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One id: the requirement in our words, how well it is known, whom it concerns, and what is lacking or why."""

    id: str
    says: str
    evidence: str
    concerns: tuple[str, ...]
    missing: str = ""
    why: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether controller or bench have to do with it."""
        return bool(OURS & set(self.concerns))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """One thing that can go wrong: what catches it, what shows that it does (tests, profiles), and what is left."""

    group: str
    what: str
    caught: str
    tests: tuple[str, ...]
    profiles: tuple[str, ...]
    left: str


def requirements() -> dict[str, Requirement]:
    """Every requirement by its id, in the order of the file."""
    return {
        name: Requirement(
            id=name,
            says=entry["says"],
            evidence=entry["evidence"],
            concerns=tuple(entry["for"]),
            missing=" ".join(entry.get("missing", "").split()),
            why=" ".join(entry.get("why", "").split()),
        )
        for name, entry in _read("requirements.yaml").items()
    }


def hazards() -> tuple[Hazard, ...]:
    """Every hazard, in the order of the file."""
    return tuple(
        Hazard(
            group=group,
            what=entry["what"],
            caught=" ".join(entry["caught"].split()),
            tests=tuple(entry.get("tests", ())),
            profiles=tuple(entry.get("profiles", ())),
            left=" ".join(entry["left"].split()),
        )
        for group, entries in _read("hazards.yaml").items()
        for entry in entries
    )


def ill_formed(entry: Requirement) -> list[str]:
    """What is wrong with one requirement, whatever cites it."""
    found = []
    if not entry.says or len(entry.says) > 160:
        found.append(f"{entry.id}: `says` is one line")
    if not set(entry.evidence.split(", ")) <= EVIDENCE:
        found.append(f"{entry.id}: evidence {entry.evidence!r} is none of {sorted(EVIDENCE)}")
    if not entry.concerns or not set(entry.concerns) <= PARTIES:
        found.append(f"{entry.id}: for {entry.concerns} is none of {sorted(PARTIES)}")
    if not entry.is_ours and not entry.why:
        found.append(f"{entry.id}: is not for us, so it needs a `why`")
    if entry.missing and entry.why:
        found.append(f"{entry.id}: either something is missing or nothing is there")
    return found


def _read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = YAML(typ="safe").load((HERE / name).read_text(encoding="utf-8"))
    return data
