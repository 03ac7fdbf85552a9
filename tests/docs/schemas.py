"""Makes `firmware_config/schema/*.json`, which editors use to complete and check site files and profiles."""

import json
from pathlib import Path

from pydantic import BaseModel

from pcs.config.preset_schema import PresetFile
from pcs.config.profile_schema import ProfileFile
from pcs.config.schema import SiteFile

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "firmware_config" / "schema"
MODELS: dict[str, type[BaseModel]] = {
    "site.schema.json": SiteFile,
    "profile.schema.json": ProfileFile,
    "preset.schema.json": PresetFile,
}


def generate() -> dict[str, str]:
    """File name -> text."""
    return {name: _text(model) for name, model in MODELS.items()}


def _text(model: type[BaseModel]) -> str:
    schema = model.model_json_schema(by_alias=True)
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=2) + "\n"


if __name__ == "__main__":
    for name, text in generate().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
