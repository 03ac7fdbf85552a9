"""What all parts of a file's schema share: the base of its blocks, names, lines of text, times of day and dates."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        max_length=40,
        description="Name of letters, digits, dashes, dots and underscores.",
    ),
]
Words = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f]+$", max_length=200)]
"""One line of text: control characters would reach the installer's terminal."""
Unit = Annotated[int, Field(ge=0, le=255)]
SignedId = Annotated[str, Field(pattern=r"^[-+]?[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=41)]
"""The id of a meter, with a minus where its flow is subtracted."""
TimeOfDay = Annotated[str, Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
MonthDay = Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
Mode = Literal["unrestricted", "export_only", "import_only", "no_exchange"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Block(BaseModel):
    """What all blocks share: no unknown keys, no silent conversion, no infinity."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=False)


def unit_of(unit: str) -> dict[str, Any]:
    """Extra facts of a field: its unit, for documents and messages."""
    return {"unit": unit}
