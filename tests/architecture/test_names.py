"""A test's name is a sentence about behaviour (docs/STYLE.md, rule 12)."""

from tests.architecture.tree import Module, functions, modules

WORDS_MIN = 4


def terse(module: Module) -> list[str]:
    """Tests of a module whose name is no sentence."""
    tests = (
        name.rsplit(".", 1)[-1] for name, _ in functions(module.tree) if name.rsplit(".", 1)[-1].startswith("test_")
    )
    return [f"{module.path}: {name}" for name in tests if len(name.removeprefix("test_").split("_")) < WORDS_MIN]


def test_every_test_is_named_by_a_sentence() -> None:
    assert [fault for module in modules("tests") for fault in terse(module)] == []


def test_a_terse_test_name_is_found() -> None:
    source = (
        "def test_works(): ...\nclass TestA:\n  async def test_a_meter_is_lost(self): ...\n  def test_a_b_c(self): ..."
    )
    assert terse(Module("t.py", source)) == ["t.py: test_works", "t.py: test_a_b_c"]
