"""A preset as a schema: `firmware_config/presets/ID.yaml`, kind `pcs.preset/1`; and what a site file says of it."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from pcs.config.blocks import Block, Id, Words

Text = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f]+$", max_length=600)]
Evidence = Literal["S", "S2", "M+", "M-", "OURS"]


class SourcedBlock(Block):
    """Where a figure comes from."""

    ref: Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9.-]*$", max_length=40)] = Field(
        description="Id of the requirement; `OURS`: nobody published one."
    )
    evidence: Evidence = Field(
        description="`S` seen in a primary text, `S2` in a secondary one, `M+`, `M-` from memory, `OURS` ours."
    )
    source: Text = Field(description="The text, and what it says.")


class NumberBlock(SourcedBlock):
    """A number with its source."""

    value: float = Field(ge=0, le=1e9, description="The number, in the unit at the end of its key.")


class QuantityBlock(SourcedBlock):
    """The quantity of limits, with its source."""

    value: Literal["w", "va", "a"] = Field(description="In what limits at `poi` are given.")


class ActionBlock(SourcedBlock):
    """What a lock-out does, with its source."""

    value: Literal["safe", "zero", "trip"] = Field(
        description="`safe`: the safe set. `zero`: controlled DERs at 0 W. `trip`: that, and a relay is asked to open."
    )


class RuleBlock(Block):
    """One way into a lock-out: `count` excursions of `lasting_s` within `window_s`."""

    id: Id = Field(description="Name of the rule, for overrides and the journal.")
    says: Text = Field(description="The rule in words.")
    lasting_s: NumberBlock = Field(description="An excursion counts once it has lasted so long.")
    beyond_pct: NumberBlock | None = Field(
        default=None, description="Only flow of more than so many percent of the limit above the limit; left out: any."
    )
    count: NumberBlock | None = Field(default=None, description="So many of them; left out: one.")
    window_s: NumberBlock | None = Field(default=None, description="Within this time; required with `count`.")


class LockoutBlock(Block):
    """Which excursions lock out, what that does, who may end it and when (since it began, or began anew)."""

    action: ActionBlock = Field(description="What it does.")
    rules: list[RuleBlock] = Field(min_length=1, max_length=8, description="The ways into it.")
    user_after_s: NumberBlock | None = Field(default=None, description="A user may reset after this; left out: never.")
    user_fewer_than: NumberBlock | None = Field(
        default=None, description="But only while fewer lock-outs began within `user_window_s`, this one included."
    )
    user_window_s: NumberBlock | None = Field(default=None, description="See `user_fewer_than`.")
    installer_after_s: NumberBlock = Field(description="The installer may reset after this.")
    by_itself_s: NumberBlock | None = Field(default=None, description="It ends by itself after this; left out: never.")


class SupervisorFiguresBlock(Block):
    """What the hard-limit supervisor takes where the site file leaves it out."""

    delay_s: NumberBlock | None = Field(default=None, description="How long flow beyond the limit may last.")
    missing_data_s: NumberBlock | None = Field(default=None, description="How long data may be missing.")


class FallbackBlock(Block):
    """What holds while no upstream system is heard."""

    direction: Literal["export", "import"] = Field(description="Which way the limited flow goes.")
    limit_w: NumberBlock = Field(description="The limit.")
    per_phase: bool = Field(default=False, description="`true`: on each phase of the service.")


class FactBlock(SourcedBlock):
    """A figure that people need and that nothing in the controller acts on."""

    name: Words = Field(description="What it is.")
    value: float = Field(description="The number.")
    unit: Words = Field(description="Its unit.")


class PresetFile(Block):
    """A preset: what a jurisdiction decides, each figure with its source."""

    schema_: Literal["pcs.preset/1"] = Field(alias="schema", description="Kind and version: `pcs.preset/1`.")
    id: Id = Field(description="The name of the file.")
    version: int = Field(ge=1, description="Raised with each change of a figure.")
    title: Words = Field(description="What people call it.")
    about: Text = Field(description="What it is for, and what it is not.")
    quantity: QuantityBlock | None = Field(default=None, description="In what limits are given; left out: any.")
    correct_within_s: NumberBlock = Field(description="Time in which an excursion must be corrected.")
    tolerance_pct: NumberBlock = Field(description="No excursion yet: percent of what the limit bounds.")
    tolerance_most_w: NumberBlock | None = Field(default=None, description="And at most so much.")
    lockout: LockoutBlock | None = Field(default=None, description="Lock-out after excursions; left out: none.")
    supervisor: SupervisorFiguresBlock = Field(default=SupervisorFiguresBlock(), description="For the supervisor.")
    fallback: list[FallbackBlock] = Field(default=[], max_length=2, description="Without an upstream system.")
    facts: list[FactBlock] = Field(default=[], max_length=16, description="Figures for people.")


class OverrideBlock(Block):
    """One figure that differs at this site."""

    key: Annotated[str, Field(pattern=r"^[a-z0-9_.-]+$", max_length=80)] = Field(
        description="Which, as `pcs check` and docs/presets.md name it: `rules.day.count`."
    )
    value: float | str = Field(description="Its value; `any` for `quantity`.")
    reason: Text | None = Field(
        default=None, description="Which document allows it; required where it is looser than the preset."
    )


class PresetBlock(Block):
    """Which preset holds, and what differs at this site. `preset: ID` alone is short for `{id: ID}`."""

    id: Id = Field(description="docs/presets.md lists them.")
    overrides: list[OverrideBlock] = Field(default=[], max_length=32, description="Tighter ones need no reason.")


def _by_name(value: object) -> object:
    return {"id": value} if isinstance(value, str) else value


def _or_name(schema: dict[str, Any]) -> None:
    schema["anyOf"].insert(0, {"type": "string"})


PresetChoice = Annotated[PresetBlock | None, BeforeValidator(_by_name)]
OR_NAME: Any = _or_name
