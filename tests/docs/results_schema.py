"""Makes `test_profiles/schema/results.schema.json`: what `hil judge` leaves, for whoever reads it with other tools."""

import json
from typing import Any

from pydantic import TypeAdapter

from hil.verdict.model import RESULTS_SCHEMA, CampaignResult
from tests.docs.profile_schemas import FOLDER

TARGET = FOLDER / "results.schema.json"


def generate() -> str:
    """The schema as text."""
    made: dict[str, Any] = TypeAdapter(CampaignResult).json_schema(mode="validation")
    made["properties"] = {"schema": {"const": RESULTS_SCHEMA}, **made["properties"]}
    made["required"] = ["schema", *made["required"]]
    said = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": RESULTS_SCHEMA}
    return json.dumps(made | said, indent=2) + "\n"


if __name__ == "__main__":
    TARGET.write_text(generate(), encoding="utf-8")
