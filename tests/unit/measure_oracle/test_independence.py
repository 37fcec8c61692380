"""The oracle shares no code with what it judges."""

import ast
import sys
from pathlib import Path

ORACLE = Path(__file__).parents[2] / "measure" / "oracle"


def test_the_oracle_imports_nothing_but_itself_httpx_and_the_standard_library() -> None:
    files = sorted(ORACLE.glob("*.py"))
    assert files
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file.name} imports by a relative path"
                modules = [node.module or ""]
            else:
                assert not (isinstance(node, ast.Name) and node.id in ("__import__", "importlib")), file.name
                continue
            for module in modules:
                allowed = module.startswith("tests.measure.oracle") or module.partition(".")[0] in known()
                assert allowed, f"{file.name} imports {module}"


def known() -> frozenset[str]:
    return (sys.stdlib_module_names - {"importlib"}) | {"httpx"}
