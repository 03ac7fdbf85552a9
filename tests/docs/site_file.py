"""Makes `docs/site-file.md` from the schema, the table of what is not built yet, and the example."""

import tempfile
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pcs.config import ConfigError, load_site
from pcs.config.blocks import Block
from pcs.config.limit_schema import LimitBlock, ModesBlock, ModeWindowBlock, WindowBlock
from pcs.config.preset_schema import OverrideBlock, PresetBlock
from pcs.config.schema import (
    ControllerBlock,
    CtBlock,
    DerBlock,
    JournalBlock,
    MeterBlock,
    PointBlock,
    SiteBlock,
    SiteFile,
)
from pcs.config.supervisor_schema import (
    FeedbackBlock,
    GpioBlock,
    RearmBlock,
    RelayBlock,
    SupervisorBlock,
    SupervisorMeterBlock,
    WatchBlock,
)
from pcs.config.wishes import NOT_BUILT

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "docs" / "site-file.md"
EXAMPLE = ROOT / "firmware_config" / "sites" / "example.yaml"

SECTIONS: tuple[tuple[str, type[Block]], ...] = (
    ("The whole file", SiteFile),
    ("`site`", SiteBlock),
    ("`meters`, a list", MeterBlock),
    ("`ct` of a meter", CtBlock),
    ("`ders`, a list", DerBlock),
    ("`points`, a list", PointBlock),
    ("`preset`", PresetBlock),
    ("`overrides` of a preset, a list", OverrideBlock),
    ("`limits`, a list", LimitBlock),
    ("`schedule` of a limit, a list", WindowBlock),
    ("`modes`", ModesBlock),
    ("`schedule` of a mode, a list", ModeWindowBlock),
    ("`journal`", JournalBlock),
    ("`controller`", ControllerBlock),
    ("`supervisor`", SupervisorBlock),
    ("`meter` of the supervisor", SupervisorMeterBlock),
    ("`watch` of the supervisor, a list", WatchBlock),
    ("`relay` of the supervisor", RelayBlock),
    ("`feedback` of the supervisor", FeedbackBlock),
    ("`gpio` and `contact` of the supervisor", GpioBlock),
    ("`rearm` of the supervisor", RearmBlock),
)

HEAD = """# The site file

<!-- Generated from the schema by tests/docs/site_file.py. Do not edit. -->

One YAML file tells the controller what there is on the site, how it is reached and what must hold.
Write it once, then run

```
pcs check SITE.yaml
```

It sends nothing to any device. It prints what it understood, what each device does when the controller dies, and what
this site cannot hold. If anything is wrong it prints every mistake at once, each with its line, and exits with code 2:

```
{mistakes}
```

`pcs run` makes the same check first and commands nothing while the file has a mistake.

## An example

```yaml
"""

RULES = """```

## Rules of the form

- Numbers are plain and in the unit of the table: `5000`, not `5kW` and not `"5000"`.
- Limits are magnitudes; the direction stands in `direction`. There is no "unlimited": leave the limit out.
- Truth values are `true` and `false`. In YAML 1.2 `NO`, `yes` and `22:00` are text.
- A key may stand once. Unknown keys are mistakes. One file holds one site.
- JSON is YAML: a site file may be written as JSON.
- Names (`id`) have letters, digits and `_ . -`. Meters and DERs share one set of names.
- Paths are relative to the site file. The file is UTF-8 text of at most 1 MB.

Editors that know YAML schemas complete the keys: `firmware_config/schema/site.schema.json`.
"""

SCHEDULES = """
### How schedules are read

- Times are local, in the site's time zone. An entry whose `to` is not later than its `from` lasts into the next day.
- The controller tightens early, by the time that the DERs need, and loosens 2 s late.
- A local time that exists twice, or not at all, when the clocks change: the tighter of what can be meant holds through.
- While the time of day cannot be trusted (it is not synchronised, or it jumped), the tightest of all entries holds.
- Two entries of one schedule that overlap with different values are a mistake, unless both have a `priority`.
"""

NOT_YET = """
## Not supported yet

These are valid wishes that this version cannot fulfil. `pcs check` and `pcs run` refuse them (exit code 2, "not
supported yet"); nothing is silently ignored.

| key | value | in this version |
|---|---|---|
"""

MORE_NOT_YET: tuple[tuple[str, str, str], ...] = ()


def generate() -> str:
    """The whole page."""
    example = EXAMPLE.read_text(encoding="utf-8")
    parts = [HEAD.replace("{mistakes}", _mistakes(example)), example, RULES]
    for title, block in SECTIONS:
        parts.append(f"\n## {title}\n\n{(block.__doc__ or '').strip()}\n\n")
        parts.append("| key | type | unit | default | meaning |\n|---|---|---|---|---|\n")
        section = title.split("`")[1] if "`" in title else ""
        parts += [_row(section, name, field) for name, field in block.model_fields.items()]
        parts += [SCHEDULES] if block is WindowBlock else []
    parts.append(NOT_YET)
    for wish in NOT_BUILT:
        values = ", ".join(f"`{v}`" for v in sorted(wish.values)) if wish.values else "any"
        parts.append(f"| `{wish.section}[].{wish.key}` | {values} | {_code(wish.now)} |\n")
    parts += [f"| {key} | {values} | {now} |\n" for key, values, now in MORE_NOT_YET]
    return "".join(parts)


def _code(words: str) -> str:
    return words if " " in words else f"`{words}`"


def _mistakes(example: str) -> str:
    """What `pcs check` really says of the example with three mistakes put in."""
    for right, wrong in (("unit: 1, point", "point"), ("nameplate_w: 10000", "nameplate_w: 10kW"), ("basis", "bassis")):
        example = example.replace(right, wrong, 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "site.yaml"
        path.write_text(example, encoding="utf-8")
        try:
            load_site(path)
        except ConfigError as error:
            return str(error).replace(str(path), path.name)
    raise AssertionError("the example with mistakes was accepted")


def _row(section: str, name: str, field: FieldInfo) -> str:
    extra = field.json_schema_extra
    unit = str(extra.get("unit", "")) if isinstance(extra, dict) else ""
    cells = (f"`{field.alias or name}`", _type(field), unit, _default(field), _meaning(section, name, field))
    return "| " + " | ".join(cells) + " |\n"


def _meaning(section: str, name: str, field: FieldInfo) -> str:
    missing = any(w.section == section and w.key == name and w.values is None for w in NOT_BUILT)
    return f"{field.description or ''}{' *Not supported yet.*' if missing else ''}"


def _default(field: FieldInfo) -> str:
    default: Any = field.default
    if default is PydanticUndefined:
        return "required"
    if default in (None, "", []) or isinstance(default, Block):
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def _type(field: FieldInfo) -> str:
    return _type_words(field.annotation) + _range(field)


def _type_words(annotation: Any) -> str:
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [_type_words(arg) for arg in get_args(annotation) if arg is not type(None)]
        return " or ".join(dict.fromkeys(kinds))
    if hasattr(annotation, "__metadata__"):
        return _type_words(annotation.__origin__)
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(annotation))
    if get_origin(annotation) is list:
        return "list"
    plain = {str: "text", float: "number", int: "whole number", bool: "`true`, `false`"}
    return plain.get(annotation, "block of keys")


def _range(field: FieldInfo) -> str:
    words = []
    for item in field.metadata:
        for name, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤")):
            bound = getattr(item, name, None)
            if bound is not None:
                words.append(f"{sign} {bound:,.6g}" if bound < 1e6 else f"{sign} {bound:g}")
    return f" {', '.join(words)}" if words else ""


if __name__ == "__main__":
    TARGET.write_text(generate(), encoding="utf-8")
