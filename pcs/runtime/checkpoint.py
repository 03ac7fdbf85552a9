"""Everything that decides what the core does next, as one line of the journal."""

from dataclasses import dataclass

from pcs.codec import journal as codec
from pcs.codec.journal import StepRecord
from pcs.codec.values import Table, Vocabulary
from pcs.core.policy import Policy
from pcs.core.state import State

CHECKPOINT_S = 300.0
"""A replay from any moment re-runs at most so many seconds before it; a checkpoint of 5 DERs is some 8 kB, so 2 MB a
day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The core's memory and its rules before one step. `begins`: of a controller that has just started."""

    begins: bool
    policy: Policy
    state: State


VOCABULARY = Vocabulary([StepRecord, Checkpoint, *codec.VOCABULARY.classes.values()])
"""All that a journal of this program can hold."""


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    """The line of a checkpoint."""
    return codec.encode_value(checkpoint, VOCABULARY)


def decode_checkpoint(line: bytes, table: Table | None = None) -> Checkpoint:
    """The checkpoint of a line, by the table of the run that wrote it.

    Raises:
        BadLineError: it is none, or holds a name that this program does not know.
    """
    checkpoint: Checkpoint = codec.decode_value(line, Checkpoint, VOCABULARY, table)
    return checkpoint
