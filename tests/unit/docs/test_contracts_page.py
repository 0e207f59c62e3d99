"""docs/contracts.md names every call that docs/openapi.json has."""

import json
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"
CONTRACTS = (DOCS / "contracts.md").read_text()
PATHS = json.loads((DOCS / "openapi.json").read_text())["paths"]


@pytest.mark.parametrize("path", sorted(PATHS))
def test_every_path_is_named_with_its_methods(path: str) -> None:
    named = [line for line in CONTRACTS.splitlines() if path in line]
    for method in PATHS[path]:
        assert any(method.upper() in line for line in named), method
