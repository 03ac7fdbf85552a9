"""The page about test profiles is made from what it describes."""

from tests.docs import profile_page


def test_the_page_about_test_profiles_is_what_the_library_holds() -> None:
    """`python -m tests.docs.profile_page` makes it anew."""
    assert profile_page.TARGET.read_text(encoding="utf-8") == profile_page.generate()
