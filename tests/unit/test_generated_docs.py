"""What `make docs` makes is what lies in the tree."""

from pcs.core.failsafe import TABLE
from tests.docs.failsafe import BEGIN, END, PAGE, spliced


def test_the_fail_safe_table_of_the_design_page_is_that_of_the_core() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert spliced(page) == page


def test_a_fail_safe_table_that_has_aged_is_replaced_and_nothing_else() -> None:
    made = spliced(f"before\n{BEGIN}| old |\n{END}after\n")
    assert made.startswith(f"before\n{BEGIN}| condition |")
    assert made.endswith(f"{END}after\n")
    assert "| old |" not in made
    assert all(rule.does in made for rule in TABLE)
