"""The published description held against the running services, over real HTTP (OpenAPI 3.1, schemathesis)."""

import sys
from pathlib import Path

import pytest

from tests.contract.probe import ANONYMOUS, probe


@pytest.mark.timeout(180)
async def test_every_operation_answers_as_it_is_described_to_good_and_bad_requests(tmp_path: Path) -> None:
    result = await probe(tmp_path)
    sys.stdout.write(result.summary)
    assert result.passed, result.said
    assert result.report.operations.tested == result.report.operations.total
    assert result.report.test_cases.generated > 20 * result.report.operations.total, result.summary


@pytest.mark.timeout(120)
async def test_a_server_without_a_key_answers_as_it_is_described_too(tmp_path: Path) -> None:
    result = await probe(tmp_path, ["--phases", "coverage", *ANONYMOUS], key=False)
    assert result.passed, result.said
    assert result.report.operations.tested == result.report.operations.total
