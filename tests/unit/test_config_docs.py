"""What is generated from the schema is not stale."""

from pcs.config.profiles import profile_folder
from tests.docs import schemas, site_file


def test_the_page_about_the_site_file_is_what_the_schema_says() -> None:
    """`python -m tests.docs.site_file` makes it anew."""
    assert site_file.TARGET.read_text(encoding="utf-8") == site_file.generate()


def test_the_schemas_for_editors_are_what_the_models_say() -> None:
    """`python -m tests.docs.schemas` makes them anew."""
    folder = profile_folder() / "schema"
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")} == schemas.generate()
