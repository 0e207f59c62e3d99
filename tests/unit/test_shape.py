"""The code keeps to sizes that can be read at a sitting."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MODULES = [
    path for folder in ("services", "shared", "deploy", "tests") for path in sorted((REPOSITORY / folder).rglob("*.py"))
]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_no_module_has_over_300_lines_and_no_function_over_60(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300
    assert [name for name, lines in functions(path) if lines > 60] == []
