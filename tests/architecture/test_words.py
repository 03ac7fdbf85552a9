"""One thing has one word: what docs/GLOSSARY.md tells us not to say is found in identifiers, texts and pages."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.architecture.tree import CODE, Module, modules, pages, strings, text_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word that we do not use: as the glossary prints it, what to say, and how it is recognised."""

    word: str
    say: str
    text: str
    identifier: str | None = None


WORDS = (
    Word(word="asset", say="DER", text=r"\bassets?\b", identifier=r"(^|_)assets?(_|$)"),
    Word(word="mains", say="Area EPS, or line frequency", text=r"\bmains\b", identifier=r"(^|_)mains(_|$)"),
    Word(word="meter point", say="POI", text=r"\bmeter point\b", identifier=r"meter_point(_|$)"),
    Word(word="EMS", say="the controller", text=r"\bEMS\b", identifier=r"(^|_)ems(_|$)"),
    Word(word="slave", say="unit", text=r"\bslaves?\b", identifier=r"(^|_)slaves?(_|$)"),
    Word(word="master", say="client", text=r"\bmasters?\b", identifier=r"(^|_)masters?(_|$)"),
    Word(
        word="power_w",
        say="import_w, injection_w or demand_w",
        text=r"\bpower_w\b",
        identifier=r"^(active_)?power(_w)?$",
    ),
    Word(word="feed-in", say="export", text=r"\bfeed-?in\b", identifier=r"feed_?in(_|$)"),
    Word(word="zero feed-in", say="non-export", text=r"\bzero[- ]feed"),
    Word(word="house load", say="host load", text=r"\bhouse (load|demand)\b", identifier=r"(^|_)house(_|$)"),
    Word(
        word="nameplate capacity",
        say="nameplate rating",
        text=r"\bnameplate capacity\b",
        identifier=r"nameplate_capacity",
    ),
    Word(
        word="export setpoint",
        say="a limit is an upper bound: say limit or cap",
        text=r"\b(export|import|limit)[ _-]set[ _-]?points?\b|\bset[ _-]?point limit\b",
        identifier=r"(export|import|limit)_set_?points?(_|$)|(^|_)set_?point_limit",
    ),
    Word(word="target_w", say="limit or cap", text=r"\btarget_w\b", identifier=r"(^|_)target_(w|limit)(_|$)"),
    Word(word="spill", say="inadvertent export, excursion", text=r"\bspill(s|ed|age)?\b", identifier=r"(^|_)spill"),
    Word(word="throttle", say="curtail, restrict", text=r"\bthrottl(e|es|ed|ing)\b", identifier=r"(^|_)throttl"),
    Word(
        word="OLRT latency",
        say="OLRT is the whole response, not its dead time",
        text=r"\b(OLRT|response) (latency|lag)\b|\b(latency|lag)\b[^.\n]{0,12}\bOLRT\b",
        identifier=r"(olrt|response)_(latency|lag)",
    ),
    Word(
        word="UL 1741 PASS",
        say="pre-test against profile X version N",
        text=r"\bUL (1741|3141)\S* (PASS|pass(ed|es)?|compliant)\b",
    ),
)
EXCEPTIONS = {  # (path, word): why it stands there
    ("docs/GLOSSARY.md", word.word): "this page names the words" for word in WORDS
}
CLAIM = re.compile(r"\bcertif(y|ied|ies|icate|ication)\b", re.IGNORECASE)
DENIAL = re.compile(r"\b(no|not|never|nor|neither|without|out of scope)\b", re.IGNORECASE)


def misnamed(module: Module) -> list[str]:
    """Every unused word in the identifiers and string literals (docstrings too) of a module."""
    found = set()
    names = {
        name: line for line, name in identifiers(module.tree)
    }  # walked once: the tree is large, the words are many
    snakes = {name: snake(name) for name in names}
    texts = list(strings(module.tree))
    for word in WORDS:
        if word.identifier:
            pattern = re.compile(word.identifier)
            found |= {(names[name], name, word) for name, snaked in snakes.items() if pattern.search(snaked)}
        for line, text in texts:
            hits = re.finditer(word.text, text, flags(word))
            found |= {(line + text.count("\n", 0, hit.start()), hit.group(), word) for hit in hits}
    return [
        f"{module.path}:{line}: {name!r}, say: {word.say}"
        for line, name, word in sorted(found, key=str)
        if allowed(module, word)
    ]


def misspoken(page: Module) -> list[str]:
    """Every unused word on a page."""
    return [
        f"{page.path}:{number}: {hit.group()!r}, say: {word.say}"
        for number, line in enumerate(page.text.splitlines(), 1)
        for word in WORDS
        if allowed(page, word)
        for hit in re.finditer(word.text, line, flags(word))
    ]


def allowed(module: Module, word: Word) -> bool:
    """Whether the rule applies at this place."""
    return (module.path, word.word) not in EXCEPTIONS


def flags(word: Word) -> re.RegexFlag:
    """Capitals matter where the word is made of them."""
    return re.NOFLAG if word.word.isupper() or "PASS" in word.word else re.IGNORECASE


def snake(name: str) -> str:
    """`DerSpec` as `der_spec`: one rule for classes and variables."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def identifiers(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every name that the module itself gives: classes, functions, parameters, variables, fields."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.arg(arg=name):
                yield node.lineno, name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name


def claims(text: str) -> list[str]:
    """Sentences that speak of certification without denying it."""
    sentences = re.split(r"(?<=[.;!?])\s|\n\n|\|", text)
    return [sentence.strip() for sentence in sentences if CLAIM.search(sentence) and not DENIAL.search(sentence)]


def test_code_says_what_the_glossary_says() -> None:
    assert [fault for module in modules(*CODE) for fault in misnamed(module)] == []


def test_pages_say_what_the_glossary_says() -> None:
    assert [fault for page in pages() for fault in misspoken(page)] == []


def test_every_unused_word_stands_in_the_glossary() -> None:
    columns = "\n".join(line.rstrip(" |").rsplit("|", 1)[-1] for line in text_of("docs/GLOSSARY.md").splitlines())
    assert [word.word for word in WORDS if word.word not in columns] == []


def test_no_text_claims_that_something_is_certified() -> None:
    texts = [(m.path, text) for m in modules(*CODE) for _, text in strings(m.tree)] + [
        (p.path, p.text) for p in pages()
    ]
    assert [f"{path}: {claim}" for path, text in texts for claim in claims(text)] == []


@pytest.mark.parametrize(
    ("source", "offender"),
    [
        ("class AssetList: ...", "AssetList"),
        ("def f(power): ...", "power"),
        ("self.export_setpoint_w = 3", "export_setpoint_w"),
        ("target_w = 3", "target_w"),
        ("print('Zero feed-in')", "feed-in"),
        ('"""Measures the OLRT latency."""', "OLRT latency"),
        ("text = f'{x} throttled'", "throttled"),
        ("text = 'UL 1741 PASS'", "UL 1741 PASS"),
    ],
)
def test_a_word_that_we_do_not_use_is_found_in_code(source: str, offender: str) -> None:
    assert any(f"{offender!r}, say" in fault for fault in misnamed(Module("a.py", source)))


def test_a_word_that_we_do_not_use_is_found_on_a_page() -> None:
    assert misspoken(Module("a.md", "Fine.\nThe EMS sets it.")) == ["a.md:2: 'EMS', say: the controller"]


def test_our_own_words_pass_the_glossary_rule() -> None:
    source = "class DerLimit:\n  '''No set point, a first-order lag.'''\n  import_w: float\n  power_factor: float"
    assert misnamed(Module("a.py", source)) == []


def test_a_claim_of_certification_is_found_and_its_denial_is_not() -> None:
    assert claims("Runs. This device is certified to UL 1741.") == ["This device is certified to UL 1741."]
    assert claims("A pre-test, not certified. We make no claim of certification.") == []
