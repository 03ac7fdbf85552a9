"""A module is read in one sitting and a function fits a screen (docs/STYLE.md, rule 7)."""

from tests.architecture.tree import Module, functions, modules

MODULE_LINES_MAX = 400  # median of the code bases we learn from is 55-150 lines, their dreaded files begin here
FUNCTION_LINES_MAX = 60  # a screen; TigerBeetle's limit is 70


def oversized(module: Module) -> list[str]:
    """What is too long in one module, in words."""
    found = []
    lines = len(module.text.splitlines())
    if lines > MODULE_LINES_MAX:
        found.append(f"{module.path}: {lines} lines, at most {MODULE_LINES_MAX}")
    for name, node in functions(module.tree):
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > FUNCTION_LINES_MAX:
            found.append(f"{module.path}:{node.lineno}: {name} has {length} lines, at most {FUNCTION_LINES_MAX}")
    return found


def test_every_module_and_function_stays_small() -> None:
    assert [fault for module in modules("pcs", "hil", "tests") for fault in oversized(module)] == []


def test_a_long_module_and_a_long_function_are_found() -> None:
    body = "".join(f"    x{i} = {i}\n" for i in range(FUNCTION_LINES_MAX))
    assert oversized(Module("a.py", f"class A:\n  def f(self):\n{body}")) == ["a.py:2: A.f has 61 lines, at most 60"]
    assert oversized(Module("b.py", "x = 1\n" * 401)) == ["b.py: 401 lines, at most 400"]
    assert oversized(Module("c.py", "x = 1\n" * 400)) == []
