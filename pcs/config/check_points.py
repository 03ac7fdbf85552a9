"""Where things are: points, the meters that measure them, and what lies behind what."""

import difflib

from pcs.config.problems import shown
from pcs.config.raw import RawBlock, entries, word
from pcs.config.yaml_marks import Document, Path_


def report_points(document: Document) -> None:
    """Report everything that is wrong between points, meters and those that name a point."""
    _meters(document)
    for path, raw in entries(document, "points"):
        _own(document, path, raw)
        _parent(document, path, raw)
    for section in ("ders", "limits"):
        for path, raw in entries(document, section):
            point = word(raw, "point")
            if point is not None:
                known_point(document, (*path, "point"), point)


def points(document: Document) -> dict[str, RawBlock]:
    """Every point by its name; `poi` is implied."""
    named = {name: raw for _, raw in entries(document, "points") if (name := word(raw, "id")) is not None}
    return {"poi": named.get("poi", {}), **named}


def measured(document: Document) -> set[str]:
    """Every point that a meter, or a sum of meters, measures."""
    found = {name for _, raw in entries(document, "meters") if (name := word(raw, "point")) is not None}
    return found | {name for name, raw in points(document).items() if raw.get("meter") is not None}


def above(document: Document, point: str) -> list[str]:
    """A point, and all that it lies behind, nearest first; `poi` is above all."""
    known, chain = points(document), [point]
    while chain[-1] != "poi" and chain[-1] in known:
        parent = word(known[chain[-1]], "parent") or "poi"
        if parent in chain:
            break
        chain.append(parent)
    return chain


def listed(raw: RawBlock) -> list[str]:
    """The meters of a point's sum, without their signs."""
    given = raw.get("meter")
    return [name.lstrip("+-") for name in given if isinstance(name, str)] if isinstance(given, list) else []


def known_point(document: Document, path: Path_, point: str) -> bool:
    """Whether there is such a point; reported if not."""
    known = list(points(document))
    if point not in known:
        close = difflib.get_close_matches(point.lower(), known, n=1, cutoff=0.5)
        document.report(
            path,
            "unknown point",
            got=shown(point),
            expected=f"one of {', '.join(known[:20])}",
            hint=f"did you mean {close[0]}?" if close else "describe it under `points`",
        )
    return point in known


def _meters(document: Document) -> None:
    known, seen = points(document), dict[str, Path_]()
    in_sums = {name for raw in known.values() for name in listed(raw)}
    for path, raw in entries(document, "meters"):
        name, point = word(raw, "id"), word(raw, "point")
        if point is None:
            if "point" not in raw and name not in in_sums:
                document.report((*path, "point"), "is missing", expected="the point that it measures")
            continue
        if not known_point(document, (*path, "point"), point):
            continue
        of_sum = listed(known[point])
        if of_sum and name not in of_sum:
            document.report(
                (*path, "point"),
                "is not in the list of this point's meters",
                got=shown(name),
                expected=f"one of {', '.join(of_sum)}",
                hint="name it in `meter` of the point, or leave `point` out if it is part of other sums only",
            )
        if point in seen and not of_sum:
            document.report(
                (*path, "point"),
                "two meters on one point",
                got=f"{shown(point)}, first on line {document.line((*seen[point], 'point'))}",
                expected="one meter for each point",
                hint="if the point is their sum, list them under `points`: meter: [a, b]",
            )
        seen.setdefault(point, path)


def _own(document: Document, path: Path_, raw: RawBlock) -> None:
    """A point's own meters and rating."""
    name, known = word(raw, "id"), {word(meter, "id") for _, meter in entries(document, "meters")}
    for k, meter in enumerate(listed(raw)):
        if meter not in known:
            expected = f"one of {', '.join(sorted(m for m in known if m))}"
            document.report((*path, "meter", k), "unknown meter", got=shown(meter), expected=expected)
        elif meter in listed(raw)[:k]:
            document.report((*path, "meter", k), "meter given twice", got=shown(meter), expected="each meter once")
    if name is not None and name not in measured(document):
        document.report(
            (*path, "id"),
            "no meter measures this point",
            got=shown(name),
            expected=f"a meter with point: {name}, or the meters whose sum it is: meter: [a, -b]",
        )
    if word(raw, "kind") == "busbar":
        if name == "poi":
            document.report(
                (*path, "kind"),
                "poi cannot be a busbar: the infeeds of a busbar always add up to its load",
                expected="net or conductor",
                hint="describe the busbar as a point of its own, with the meters of its infeeds",
            )
        elif raw.get("rating_a") is None:
            document.report(
                (*path, "rating_a"),
                "is missing",
                expected="the rating of the busbar (A)",
                hint="it stands on the nameplate of the panel",
            )


def _parent(document: Document, path: Path_, raw: RawBlock) -> None:
    name, parent = word(raw, "id"), word(raw, "parent")
    if parent is None or not known_point(document, (*path, "parent"), parent):
        return
    if name == "poi":
        document.report((*path, "parent"), "poi lies behind nothing", expected="no parent")
    elif name is not None and (name == parent or above(document, name)[-1] != "poi"):
        chain = " behind ".join([*above(document, name), name])
        document.report((*path, "parent"), "goes round in a circle", got=chain, expected="a way up to poi")
