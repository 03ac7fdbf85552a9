"""What a profile becomes: frozen objects for the runner, the verdict and the report. All values are in base units.

A `Profile` is a file, checked and expanded; a `Case` is one combination of its matrix, complete in itself: a runner
needs nothing else than the case and a rig. Units are those of `hil.profile.units.BASE` (W, VA, A, V, s, Hz, pu ...).
"""

from dataclasses import dataclass

from hil.profile.words import Measure, Provenance, ResponseKind, Role, Verb

Setting = float | str
"""A number in the unit beside it, or a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a profile rests on. `ref` is a requirement id of the project's catalogue, not a clause of a standard."""

    doc: str
    ref: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A number (or word) of a case, and where it comes from. `written` is how the file says it ("8 kW").

    `origin` is what a report prints: "public", "project default", "standard (overlay lab.yaml)" or "device under test
    (rig.yaml)". `source` names the document or gives the reason. `unit` is empty for a word.
    """

    name: str
    value: Setting
    unit: str
    written: str
    provenance: Provenance
    origin: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepArgument:
    """One argument of a step. `unit` is empty for a word."""

    name: str
    value: Setting
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: a verb of the closed list and its arguments. `role`: who does it; None: the runner itself.

    `at_s`: when, in seconds since the first stimulus; None: right after the step before.
    """

    verb: Verb
    role: Role | None
    at_s: float | None
    arguments: tuple[StepArgument, ...]

    def argument(self, name: str) -> Setting | None:
        """The value of an argument; None where the step has none of that name."""
        return next((given.value for given in self.arguments if given.name == name), None)

    def number(self, name: str) -> float:
        """The value of an argument that must be a number.

        Raises:
            KeyError: there is none, or it is a word.
        """
        value = self.argument(name)
        if not isinstance(value, float):
            raise KeyError(name)
        return value

    def word(self, name: str) -> str:
        """The value of an argument that must be a word; empty where there is none."""
        value = self.argument(name)
        return value if isinstance(value, str) else ""

    def __str__(self) -> str:
        said = " ".join(
            f"{a.name}={a.value}" if isinstance(a.value, str) else f"{a.name}={a.value:g} {a.unit}"
            for a in self.arguments
        )
        return f"{self.verb.value} {said}".rstrip() + (f" at {self.at_s:g} s" if self.at_s is not None else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What is recorded: `pre_s` before the first stimulus until `post_s` after the last. `grade` A, B or C at least."""

    channels: tuple[str, ...]
    each_phase: bool
    pre_s: float
    post_s: float
    grade: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stimulus:
    """What happens. Time zero is read from the record of `channel`, never from the command. `is_fault`: abnormal.

    Steps that move the channel are numbered from 1 in the record, as `Question.number` of the analysis counts them; the
    others happen besides, at their `at_s`.
    """

    channel: str
    steps: tuple[Step, ...]
    is_fault: bool

    @property
    def last_s(self) -> float:
        """When the last step comes, in seconds since the first."""
        return max((step.at_s or 0.0 for step in self.steps), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What is judged: a channel, the side on which it is beyond its limit, and that limit as a magnitude.

    For the analysis: `side`, `limit_value` and `tolerance_value` (None: from the record) are those of its
    `Question`, and `steps` (each, first or last of the stimulus) says which `number` is meant. Values are in `unit`.
    """

    kind: ResponseKind
    channel: str
    side: str
    unit: str
    limit_value: float | None
    tolerance_value: float | None
    steps: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """`measure` `op` `limit_value` (+ `tolerance_value` away from it) decides, in `unit`.

    `over`: each repeat and step, or their maximum or average. `rule`: guarded (uncertainty counts) or simple. `basis`:
    the requirement's id. `provenance`, `origin`: of the least known of the numbers that the limit is made of.
    """

    id: str
    measure: Measure
    op: str
    limit_value: float
    tolerance_value: float
    unit: str
    over: str
    rule: str
    basis: str
    provenance: Provenance
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a role must be able to do beyond what the steps show; None: nothing is asked."""

    role: Role
    step_within_s: float | None = None
    update_within_s: float | None = None
    delay_within_s: float | None = None
    uncertainty_within_ratio: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One combination of a profile's matrix, complete in itself.

    `id` is the profile's id and the values of the axes ("crd/step-load/gen=66pct,to=0pct"). `hash` is over everything
    that decides what is done and how it is judged (values, provenance, steps, criteria; not titles and sources): equal
    hashes are the same test. `duration_s` is what one repeat takes if everything settles at once, `longest_s` if every
    wait runs to its end. `regime`: what the device must be commissioned for; empty: nothing in particular.
    `about`: what the profile says of itself, for people.
    """

    id: str
    hash: str
    profile: str
    version: int
    title: str
    parameters: tuple[Parameter, ...]
    axes: tuple[str, ...]
    repeats: int
    systems: tuple[str, ...]
    needs: tuple[Need, ...]
    prepare: tuple[Step, ...]
    record: Recording
    stimulus: Stimulus
    response: Response
    measures: tuple[Measure, ...]
    criteria: tuple[Criterion, ...]
    cleanup: tuple[Step, ...]
    duration_s: float
    longest_s: float
    regime: str = ""
    about: str = ""

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step, in the order in which they are done."""
        return (*self.prepare, *self.stimulus.steps, *self.cleanup)

    def parameter(self, name: str) -> Parameter:
        """A parameter or axis by its name.

        Raises:
            KeyError: there is none.
        """
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise KeyError(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A profile file, checked, with its cases. `digests`: name and SHA-256 of every file that went into it."""

    id: str
    version: int
    title: str
    about: str
    public: str
    basis: tuple[Basis, ...]
    file: str
    digests: tuple[tuple[str, str], ...]
    cases: tuple[Case, ...]
