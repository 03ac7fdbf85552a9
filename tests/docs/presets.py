"""Makes `docs/presets.md` from the presets' own figures."""

from pathlib import Path

from pcs.config.preset_schema import PresetFile
from pcs.config.presets import LOWER, Entry, entries_of, load_preset, preset_ids
from pcs.model.lockout import ACTION_WORDS
from pcs.runtime.lockouts import NO_PROOF

TARGET = Path(__file__).parents[2] / "docs" / "presets.md"

HEAD = f"""# Presets: what a jurisdiction decides

<!-- Generated from firmware_config/presets by tests/docs/presets.py. Do not edit. -->

A preset says how soon an excursion must be corrected, which excursions lock the site out, what that does, who may end
it, what the supervisor waits for and what holds while no upstream system is heard. In the site file:

```yaml
preset: uk-g100-2
```

or, where the site differs:

```yaml
preset:
  id: uk-g100-2
  overrides:
    - {{key: rules.day.count, value: 3}} # tighter: needs no reason
    - {{key: correct_within_s, value: 30, reason: "letter of the DNO of 2 March"}} # looser: refused without one
```

`pcs check` shows every figure with its source, what the site overrides, and where it departs from the preset or will
not fare well with it. A limit in the wrong quantity, a time that is longer than the preset's, or more than what the
preset falls back to while no upstream system is heard (this version hears none) is refused, with its line.

Evidence: `S` seen in a primary text, `S2` in a secondary one, `M+` and `M-` from memory, `OURS` nobody published one: a
project default. Nothing here is a claim of conformance; who owns the standard overrides the figure.

## Lock-outs

Excursions are what the controller's meter sees beyond the limit and the tolerance. One counts from the moment when it
has lasted long enough, also while it goes on. What no meter saw is no excursion; a lost meter has rows of its own in
[the fail-safe table](fail-safe.md), where a lock-out is a row, too. It does one of

{chr(10).join(f"- `{action.name.lower()}`: {words};" for action, words in ACTION_WORDS.items())}

and whatever else is wrong can only tighten that. The relay is the supervisor's ([supervisor](supervisor.md)): in this
version it does not hear that request, it opens by what it sees itself.

- Times count while the controller runs, by a clock that nobody can set. Without power they stand; then they go on.
- Counters and lock-outs lie in `lockout-a.json` and `lockout-b.json` in the journal folder, each with a digest. If one
  copy is spoilt, the other counts, and up to 5 s that it may not know of count as an excursion. If both are spoilt, the
  site is locked out until the installer has looked. Who deletes both deletes the memory: seals are not built yet.
- Times of a lock-out count from the end of the excursion that led to it; a trigger during it lets them begin anew.
- `pcs reset-lockout SITE.yaml [--as user|installer]` asks the running controller to end it. It answers whether it does,
  and if not, why and from when on it will. Nobody may while the flow is beyond the limit.
- {NO_PROOF[0].upper()}{NO_PROOF[1:]}.
  The journal keeps what was said.
- What has counted stays counted after a reset, until it is older than its window.
- A site file without the preset does not end a lock-out that stands: the installer does.

## Who may reset

| preset | rules | does | by itself | user | installer |
|---|---|---|---|---|---|
"""


def generate() -> str:
    """The whole page."""
    presets = [load_preset(identity) for identity in preset_ids()]
    rows = "".join(_reset(preset) for preset in presets)
    return HEAD + rows + "".join(_preset(preset) for preset in presets)


def _reset(preset: PresetFile) -> str:
    block = preset.lockout
    if block is None:
        return f"| `{preset.id}` | no lock-out | | | | |\n"
    rules = "; ".join(rule.says for rule in block.rules)
    user = "never" if block.user_after_s is None else f"after {_time(block.user_after_s.value)}"
    if block.user_fewer_than is not None and block.user_window_s is not None:
        user += f", at fewer than {block.user_fewer_than.value:g} lock-outs in {_time(block.user_window_s.value)}"
    by_itself = "no" if block.by_itself_s is None else f"after {_time(block.by_itself_s.value)}"
    installer_s = block.installer_after_s.value
    installer = f"after {_time(installer_s)}" if installer_s else "at once"
    return f"| `{preset.id}` | {rules} | `{block.action.value}` | {by_itself} | {user} | {installer} |\n"


def _time(seconds_s: float) -> str:
    for unit, size_s in (("days", 172_800.0), ("h", 3600.0), ("min", 60.0)):
        if seconds_s >= size_s:
            return f"{seconds_s / (86_400.0 if unit == 'days' else size_s):g} {unit}"
    return f"{seconds_s:g} s"


def _preset(preset: PresetFile) -> str:
    lines = [f"\n## `{preset.id}` version {preset.version}: {preset.title}\n\n{preset.about.strip()}\n\n"]
    lines.append("| key | value | tighter | evidence | source |\n|---|---|---|---|---|\n")
    lines += [_row(entry) for entry in entries_of(preset).values()]
    if preset.facts:
        lines.append("\nFor people; nothing in the controller acts on these:\n\n")
    lines += [f"- {f.name} {f.value:g} {f.unit} ({f.ref}, {f.evidence}: {f.source})\n" for f in preset.facts]
    return "".join(lines)


def _row(entry: Entry) -> str:
    value = entry.value if isinstance(entry.value, str) else f"{entry.value:.10g}"
    way = "" if entry.key == "quantity" else entry.tighter
    way = "later in `safe, zero, trip`" if entry.key == "lockout.action" and entry.tighter != LOWER else way
    ref = entry.sourced.ref
    said = entry.sourced.evidence if ref == "OURS" else f"{ref}, {entry.sourced.evidence}"
    return f"| `{entry.key}` | {value} | {way} | {said} | {entry.sourced.source} |\n"


if __name__ == "__main__":
    TARGET.write_text(generate(), encoding="utf-8")
