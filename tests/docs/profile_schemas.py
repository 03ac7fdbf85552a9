"""Makes `test_profiles/schema/*.json`, which editors use to complete and check the files of the bench."""

import json
from pathlib import Path

from pydantic import BaseModel

from hil.profile.rig_sheet import RigFile
from hil.profile.schema import CommonFile, OverlayFile, ProfileFile, json_schema

FOLDER = Path(__file__).parents[2] / "test_profiles" / "schema"
MODELS: dict[str, type[BaseModel]] = {
    "profile.schema.json": ProfileFile,
    "parameters.schema.json": CommonFile,
    "overlay.schema.json": OverlayFile,
    "rig.schema.json": RigFile,
}


def generate() -> dict[str, str]:
    """File name -> text."""
    return {name: json.dumps(json_schema(model), indent=2) + "\n" for name, model in MODELS.items()}


if __name__ == "__main__":
    for name, text in generate().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
