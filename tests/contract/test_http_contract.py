"""The running services respond as their published description says (OpenAPI 3.1, schemathesis)."""

import sys
from pathlib import Path

import pytest

from tests.contract.probe import ANONYMOUS, probe


@pytest.mark.timeout(180)
async def test_every_operation_responds_as_described_to_valid_and_invalid_requests(tmp_path: Path) -> None:
    result = await probe(tmp_path, ["--max-examples", "10"])  # `make contract` tries more
    sys.stdout.write(result.summary)
    assert result.passed, result.output
    assert result.report.operations.tested == result.report.operations.total
    assert result.report.test_cases.generated > 20 * result.report.operations.total, result.summary


@pytest.mark.timeout(120)
async def test_a_server_without_a_key_responds_as_described_too(tmp_path: Path) -> None:
    result = await probe(tmp_path, ["--phases", "coverage", *ANONYMOUS], key=False)
    assert result.passed, result.output
    assert result.report.operations.tested == result.report.operations.total
