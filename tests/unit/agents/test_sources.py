"""Every clinical number says where it comes from, and every code of a code system stands in one place."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from agents import codes
from agents.dictation import written
from agents.dictation.vitals import VITALS
from agents.ed_triage import resources
from agents.physiology import MEASURES, PLAUSIBLE, POSSIBLE, UNITS, celsius
from agents.result_followup.analytes import ANALYTES
from contracts.dictation import NoteSection

ROOT = Path(__file__).parents[3]
CLINICAL = (
    *sorted((ROOT / "agents").rglob("*.py")),
    *(ROOT / "contracts" / f"{name}.py" for name in ("dictation", "ed_triage", "result_followup")),
)
NOT_CLINICAL = {"agents/dictation/numbers.py": "how people speak numbers: English grammar, no measurement"}
LENGTHS = re.compile(r"_?([A-Z]+_)*(CHARS|TOKENS)")
"""Names of constants that are the length of a text and nothing else."""
YEAR = re.compile(r"\b(19|20)\d\d\b")
JUDGEMENT = re.compile(r"\bour\s+judgement\b", re.IGNORECASE)
LEAST_WORDS = 4
"""Fewer neither name a work nor give a reason."""


def is_source(text: str) -> bool:
    """Return whether a text names a dated work, or says that it is our judgement, and why."""
    return bool(YEAR.search(text) or JUDGEMENT.search(text)) and len(text.split()) >= LEAST_WORDS


@dataclass(frozen=True)
class Module:
    """A module as its syntax tree and its comments by line; `citations` are names of constants that are sources."""

    name: str
    tree: ast.Module
    comments: dict[int, str]
    alone: frozenset[int]
    """Lines that hold nothing but a comment."""
    citations: frozenset[str]

    def names_a_source(self, text: str) -> bool:
        """Return whether a text is a source, or names a constant that is."""
        return is_source(text) or bool(self.citations & set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", text)))

    def above(self, line: int) -> str:
        """Return the comment that ends on the line before, as one text."""
        found: list[str] = []
        while (line := line - 1) in self.alone:
            found.insert(0, self.comments[line])
        return " ".join(found)


def module(name: str, source: str, citations: frozenset[str] = frozenset()) -> Module:
    """Return a parsed module; citations that it defines itself are added."""
    tree = ast.parse(source)
    comments: dict[int, str] = {}
    alone: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            comments[token.start[0]] = token.string.lstrip("# ")
            if not token.line[: token.start[1]].strip():
                alone.add(token.start[0])
    return Module(name, tree, comments, frozenset(alone), citations | defined_citations(tree))


def defined_citations(tree: ast.Module) -> frozenset[str]:
    """Return the names of the module's constants that are a source."""
    return frozenset(
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name) and is_source(node.value.value)
    )


def without_source(read: Module) -> Iterator[str]:
    """Yield each clinical number of a module that has no source beside it.

    A number counts if it is none of 0 and 1 and stands outside functions, or in a function as a default, as a decimal,
    or in a comparison that is not with a length. Its source is a comment on its line or right above it, or, for the
    whole statement or function, a comment right above or a docstring. A `Range` has its own, and nothing else will do.
    """
    yield from _of_statements(read, read.tree.body)


def _of_statements(read: Module, body: list[ast.stmt]) -> Iterator[str]:
    for statement, following in pairwise([*body, ast.Pass()]):
        if isinstance(statement, ast.ClassDef):
            yield from _of_statements(read, statement.body)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(statement) or ""
            for part in statement.body:
                for number in _in_function(part):
                    sources = (_on(read, part, number.lineno), docstring)
                    if not any(map(read.names_a_source, sources)):
                        yield f"{read.name}:{number.lineno} {number.value}"
            for default in (*statement.args.defaults, *filter(None, statement.args.kw_defaults)):
                for number in _numbers(default):
                    if not read.names_a_source(docstring):
                        yield f"{read.name}:{default.lineno} {number.value}"
        elif not _is_length(statement):
            yield from _of_constant(read, statement, following)


def _of_constant(read: Module, statement: ast.stmt, following: ast.stmt) -> Iterator[str]:
    docstring = ""
    if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
        docstring = str(following.value.value)
    ranges = [node for node in ast.walk(statement) if isinstance(node, ast.Call) and _called(node) == "Range"]
    within = {id(number): call for call in ranges for number in _numbers(call)}
    for number in _numbers(statement):
        if call := within.get(id(number)):
            sources = [ast.unparse(call.args[-1] if len(call.args) > 2 else ast.Constant(""))]
        else:
            sources = [_on(read, statement, number.lineno), docstring]
        if not any(map(read.names_a_source, sources)):
            yield f"{read.name}:{number.lineno} {number.value}"


def _on(read: Module, statement: ast.stmt, line: int) -> str:
    """Return the comments on a line and right above it, and those of its whole statement."""
    lines = dict.fromkeys((line, statement.lineno))
    return " ".join(text for at in lines for text in (read.comments.get(at, ""), read.above(at)))


def _numbers(node: ast.AST) -> Iterator[ast.Constant]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and type(inner.value) in (int, float) and inner.value not in (0, 1):
            yield inner


def _in_function(node: ast.AST) -> Iterator[ast.Constant]:
    found: dict[int, ast.Constant] = {}
    for inner in ast.walk(node):
        if isinstance(inner, ast.Compare):
            sides = (inner.left, *inner.comparators)
            if not any(isinstance(side, ast.Call) and _called(side) == "len" for side in sides):
                found |= {id(number): number for side in sides if _is_number(side) for number in _numbers(side)}
        elif isinstance(inner, ast.Constant) and isinstance(inner.value, float):
            found |= {id(number): number for number in _numbers(inner)}
    yield from found.values()


def _is_number(side: ast.expr) -> bool:
    return isinstance(side, ast.Constant) or (isinstance(side, ast.UnaryOp) and isinstance(side.op, ast.USub))


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _is_length(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Assign):
        return False
    names = [node.id for target in statement.targets for node in ast.walk(target) if isinstance(node, ast.Name)]
    return all(map(LENGTHS.fullmatch, names))


def test_every_clinical_number_has_its_source_or_our_judgement_beside_it() -> None:
    texts = {str(path.relative_to(ROOT)): path.read_text() for path in CLINICAL}
    citations = frozenset(name for text in texts.values() for name in defined_citations(ast.parse(text)))
    read = [module(name, text, citations) for name, text in texts.items() if name not in NOT_CLINICAL]
    assert [found for one in read for found in without_source(one)] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("LIMIT = 37.5\n", ["x:1 37.5"]),
        ("LIMIT = 37.5  # °C\n", ["x:1 37.5"]),
        ("LIMIT = 37.5  # our judgement\n", ["x:1 37.5"]),
        ("LIMIT = 37.5  # our judgement: fever begins for nurses here\n", []),
        ("# Smith et al., Lancet 2001;1:2\nLIMIT = 37.5\n", []),
        ('LIMIT = 37.5\n"""Smith et al., Lancet 2001;1:2"""\n', []),
        ('NEWS2 = "Royal College of Physicians, NEWS2, 2017"\nLIMIT = 37.5  # NEWS2 chart 1\n', []),
        ("# Smith et al., Lancet 2001;1:2\nTABLE = {\n    'a': 2,\n    'b': 3,\n}\n", []),
        ("TABLE = {\n    # our judgement: as high as it goes\n    'a': 2,\n    'b': 3,\n}\n", ["x:4 3"]),
        ("# Smith et al., Lancet 2001;1:2\nTABLE = {'a': Range(2, 3, '')}\n", ["x:2 2", "x:2 3"]),
        ("TABLE = {'a': Range(2, 3, 'Smith et al., Lancet 2001;1:2')}\n", []),
        ("def f(value):\n    return value < 30\n", ["x:2 30"]),
        ("def f(value):\n    return value < 30  # our judgement: half is lost\n", []),
        ("def f(value):\n    return value * 88.4\n", ["x:2 88.4"]),
        ("def f(value, step=3):\n    return value + step\n", ["x:1 3"]),
        ("def f(value):\n    return len(value) < 30 and value[2] == 1\n", []),
        ("class Options:\n    strong: float = 0.6\n", ["x:2 0.6"]),
        ("MOST_TOKENS = 40\n", []),
    ],
)
def test_a_number_without_a_source_is_found_and_one_with_a_source_is_not(source: str, found: list[str]) -> None:
    assert list(without_source(module("x", source))) == found


def test_codes_of_code_systems_stand_in_one_place() -> None:
    loinc = re.compile(r"\d{3,5}-\d|LA\d+-\d", re.IGNORECASE)
    told = [v for name, v in vars(codes).items() if name.isupper() and name != "TAG" and not isinstance(v, frozenset)]
    named = [code for value in told for code in (value if isinstance(value, tuple) else (value,))]
    systems = {value for value in named if value.startswith("http")}
    elsewhere = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.value}"
        for folder in ("agents", "contracts", "service")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path != ROOT / "agents" / "codes.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if loinc.fullmatch(node.value) or node.value in systems
    ]
    assert elsewhere == []
    assert len(named) == len(set(named)), "no code has two names"


def test_triage_reads_what_dictation_writes() -> None:
    narratives = {section: coding["code"] for section, coding in written.NARRATIVES.items()}
    assert {resources.KEYS[code] for code in narratives.values()} == {"complaint", "history", "medications"}
    assert resources.KEYS[narratives[NoteSection.COMPLAINT]] == "complaint"
    measured = {vital.loinc for name, vital in VITALS.items() if name != "bp"} | {codes.SYSTOLIC, codes.DIASTOLIC}
    keys = {resources.KEYS[code] for code in measured}
    assert keys == {key for vital in VITALS.values() for key in vital.ranges} and keys <= UNITS.keys()


def test_what_is_plausible_is_possible() -> None:
    for key in PLAUSIBLE.keys() & POSSIBLE.keys():
        assert POSSIBLE[key].low <= PLAUSIBLE[key].low < PLAUSIBLE[key].high <= POSSIBLE[key].high, key


def test_pathways_read_a_heart_rate_in_the_same_units() -> None:
    followed = ANALYTES["hr"].reading.measure
    assert followed and followed.units == MEASURES["hr"].units


@pytest.mark.parametrize(("fahrenheit", "expected"), [(32, 0.0), (98.6, 37.0), (101.3, 38.5), (212, 100.0)])
def test_fahrenheit_becomes_celsius_to_a_tenth(fahrenheit: float, expected: float) -> None:
    assert celsius(fahrenheit) == expected
