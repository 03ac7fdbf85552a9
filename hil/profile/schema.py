"""The files `hil.profile/1`, `hil.parameters/1` and `hil.overlay/1` as pydantic sees them: keys and kinds of value."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hil.profile.words import CHANNELS, FAULTS, LIMITS, MODES, REGIMES, SETTERS, Measure, ResponseKind, Role, Verb

PROFILE_SCHEMA = "hil.profile/1"
OVERLAY_SCHEMA = "hil.overlay/1"
COMMON_SCHEMA = "hil.parameters/1"

ProfileId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9.-]*)*$", max_length=80)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
Prose = Annotated[str, StringConstraints(min_length=3, max_length=2000)]
Expression = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    Field(description="a quantity with its unit (`30 s`), a parameter, or arithmetic on both"),
]
Steps = Annotated[list["StepPart"], Field(max_length=40)]


class Part(BaseModel):
    """A mapping of the file: unknown keys are mistakes, and nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class BasisPart(Part):
    """What the profile rests on: a document and the requirement's id in this project's catalogue."""

    doc: Prose
    ref: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Za-z0-9.-]+$")]
    says: Prose


class SourcedPart(Part):
    """Where a number comes from: `source` names the document, or the reason of a default."""

    provenance: Literal["standard", "public", "project default"]
    source: Prose


class ParameterPart(SourcedPart):
    """One number or expression. `rating: true`: the rig's sheet replaces it by the rating of the device under test."""

    value: Expression
    rating: bool = False


class CommonFile(Part):
    """Parameters that several profiles take from `common.yaml`, in the order in which they may use each other."""

    schema_: Literal["hil.parameters/1"] = Field(alias="schema")
    parameters: Annotated[dict[Name, ParameterPart], Field(max_length=100)]


class AxisPart(SourcedPart):
    """One axis of the matrix: quantities, or words in place of numbers (`[at_start, running]`)."""

    values: Annotated[list[Expression], Field(min_length=1, max_length=32)]


class RolePart(Part):
    """What a role of the rig must be able to do beyond what the steps themselves show."""

    step_within: Expression | None = Field(default=None, description="a step is over within this time")
    update_within: Expression | None = Field(default=None, description="values are no further apart")
    delay_within: Expression | None = Field(default=None, description="group delay at most")
    uncertainty_within: Expression | None = Field(default=None, description="expanded, a share of the range")


class StepPart(Part):
    """One step: `do` a verb with its arguments. `at`: seconds since the first stimulus. `when`: only if that is so."""

    do: Literal[tuple(verb.value for verb in Verb)]  # type: ignore[valid-type]
    when: Expression | None = None
    at: Expression | None = None
    to: Expression | None = None
    phase: Expression | None = None
    limit: Expression | None = Field(default=None, examples=list(LIMITS))
    by: Expression | None = Field(default=None, examples=list(SETTERS))
    mode: Expression | None = Field(default=None, examples=list(MODES))
    kind: Expression | None = Field(default=None, examples=list(FAULTS))
    of: Expression | None = None
    amount: Expression | None = None
    voltage: Expression | None = None
    frequency: Expression | None = None
    channel: Expression | None = Field(default=None, examples=list(CHANNELS))
    band: Expression | None = None
    duration: Expression | None = None
    timeout: Expression | None = None


class RecordPart(Part):
    """What is recorded, from `pre` before the first stimulus to `post` after the last."""

    channels: Annotated[list[Literal[tuple(CHANNELS)]], Field(min_length=1, max_length=16)]  # type: ignore[valid-type]
    phases: Literal["total", "each"] = "total"
    pre: Expression
    post: Expression
    grade: Literal["A", "B", "C"] = "C"


class StimulusPart(Part):
    """What happens, and the channel on which it is seen: time zero comes from that record."""

    channel: Expression
    steps: Annotated[list[StepPart], Field(min_length=1, max_length=40)]


class ResponsePart(Part):
    """What answers. `side`: where it is beyond its `limit`, a magnitude; `step`: which steps of the stimulus count."""

    kind: Literal[tuple(kind.value for kind in ResponseKind)]  # type: ignore[valid-type]
    channel: Expression
    side: Literal["below", "above"]
    limit: Expression | None = None
    tolerance: Expression | None = None
    step: Literal["each", "first", "last"] = "first"


class CriterionPart(Part):
    """`measure` `op` `limit` decides; `over` repeats and steps; `basis`: the requirement's id."""

    id: Name
    measure: Literal[tuple(measure.value for measure in Measure)]  # type: ignore[valid-type]
    op: Literal["<=", ">="]
    limit: Expression
    tolerance: Expression | None = None
    over: Literal["each", "maximum", "average"] = "each"
    rule: Literal["guarded", "simple"] = "guarded"
    basis: str
    when: Expression | None = None


class RequiresPart(Part):
    """Roles that the steps do not name by themselves, and what roles must be able to do; `system` of conductors.

    `regime`: what the device under test has to be commissioned for.
    """

    roles: dict[Literal[tuple(role.value for role in Role)], RolePart] = Field(default_factory=dict)  # type: ignore[valid-type]
    system: Annotated[list[Literal["single", "split", "wye", "delta"]], Field(min_length=1)] | None = None
    regime: Literal[REGIMES] | None = None  # type: ignore[valid-type]


class ProfileFile(Part):
    """The whole file."""

    schema_: Literal["hil.profile/1"] = Field(alias="schema")
    id: ProfileId
    version: int = Field(ge=1)
    title: Prose
    about: Prose
    basis: Annotated[list[BasisPart], Field(min_length=1, max_length=16)]
    public: Prose = Field(description="which of the profile's numbers are public, in a sentence")
    requires: RequiresPart = Field(default_factory=RequiresPart)
    common: Annotated[list[Name], Field(max_length=40)] = Field(default_factory=list)
    parameters: Annotated[dict[Name, ParameterPart], Field(max_length=40)] = Field(default_factory=dict)
    matrix: Annotated[dict[Name, AxisPart], Field(max_length=6)] = Field(default_factory=dict)
    where: Annotated[list[Expression], Field(max_length=8)] = Field(default_factory=list)
    repeats: Expression
    prepare: Steps
    record: RecordPart
    stimulus: StimulusPart | None = None
    fault: StimulusPart | None = None
    response: ResponsePart
    measure: Annotated[
        list[Literal[tuple(measure.value for measure in Measure)]],  # type: ignore[valid-type]
        Field(min_length=1),
    ]
    criteria: Annotated[list[CriterionPart], Field(min_length=1, max_length=12)]
    cleanup: Annotated[list[StepPart], Field(min_length=1, max_length=40)]


class OverlayValuePart(Part):
    """One number of a laboratory's own text: `value` for a parameter or criterion, `values` for an axis."""

    value: Expression | None = None
    values: Annotated[list[Expression], Field(min_length=1, max_length=32)] | None = None
    source: Prose


class OverlayFile(Part):
    """A laboratory's own numbers: profile id (or a folder of them) -> name of a parameter or axis -> its value."""

    schema_: Literal["hil.overlay/1"] = Field(alias="schema")
    standard: Prose
    profiles: dict[ProfileId, dict[Name, OverlayValuePart]]


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The published JSON Schema of a file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema(by_alias=True)}
