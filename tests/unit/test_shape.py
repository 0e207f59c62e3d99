"""The code keeps to sizes that can be read at a sitting: ruff counts statements (PLR0915), this counts lines."""

import ast
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
MODULES = [
    path for folder in ("services", "shared", "deploy", "tests") for path in sorted((REPOSITORY / folder).rglob("*.py"))
]
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def functions_in(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the functions in a block's statements; expressions, where no function stands, are not walked."""
    for statement in (statement for block in BLOCKS for statement in getattr(node, block, ())):
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement
        yield from functions_in(statement)


def too_long(path: Path) -> Iterator[str]:
    content = path.read_text()
    name, lines = path.relative_to(REPOSITORY), len(content.splitlines())
    if lines > 300:
        yield f"{name}: {lines} lines"
    if lines > 60:  # no function is longer than its file
        for function in functions_in(ast.parse(content)):
            length = (function.end_lineno or function.lineno) - function.lineno + 1
            if length > 60:
                yield f"{name}:{function.lineno}: {function.name} has {length} lines"


def test_no_module_has_over_300_lines_and_no_function_over_60() -> None:
    assert [fault for path in MODULES for fault in too_long(path)] == []
