"""Runs schemathesis against a running one-machine form."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel

from tests.contract.seeds import Seeds, store_seeds
from tests.e2e.one_machine import OneMachine
from tests.tokens import bearer, mint, token_settings

_CONFIG = Path(__file__).with_name("schemathesis.toml")
_REPOSITORY = Path(__file__).parents[2]
_SMALL = {"FINALIZE_WAIT_SECONDS": "1", "MAX_CHUNK_SIZE": "65536", "RATE_LIMIT_PER_MINUTE": "100000"}
_FAULTS_SHOWN = 5


class _Operations(BaseModel):
    total: int
    tested: int


class _Cases(BaseModel):
    generated: int
    with_failures: int
    errored: int


class _Report(BaseModel):
    """The members of schemathesis' report that are used here."""

    operations: _Operations
    test_cases: _Cases
    phases: Mapping[str, object]
    exit_code: int
    running_time: float


@dataclass(frozen=True, slots=True)
class Probe:
    """The result of a probe; `output` is all that schemathesis printed, then the first errors in the server's log."""

    report: _Report
    output: str

    @property
    def passed(self) -> bool:
        return self.report.exit_code == 0

    @property
    def summary(self) -> str:
        cases, operations = self.report.test_cases, self.report.operations
        return (
            f"{operations.tested} of {operations.total} operations, {cases.generated} cases,"
            f" {cases.with_failures + cases.errored} failures, {self.report.running_time:.0f} s"
        )


ANONYMOUS = ("--exclude-checks", "ignored_auth,missing_required_header,negative_data_rejection")
"""Checks that a server without a key can't pass: it knows no callers, so a request without a token is valid."""


async def probe(folder: Path, arguments: Sequence[str] = (), *, key: bool = True) -> Probe:
    """Start the four services with data in `folder`, and send valid and invalid requests made from their description.

    `arguments` are more options of `schemathesis run`. With a `key`, callers need a token.
    """
    settings = {name.upper(): str(value) for name, value in token_settings().items()} if key else {}
    async with OneMachine(folder / "data", log=None, **_SMALL, **settings) as machine:
        await machine.start()
        seeds = await store_seeds(machine.address, bearer() if key else {})
        result = await _probe(machine.address, seeds, folder, arguments)
        faults = [line for line in machine.log.read_text().splitlines() if '"level": "error"' in line]
        return replace(result, output="\n".join([result.output, *faults[:_FAULTS_SHOWN]]))


async def _probe(address: str, seeds: Seeds, folder: Path, arguments: Sequence[str]) -> Probe:
    report, config = folder / "report.json", folder / "schemathesis.toml"
    config.write_text(_CONFIG.read_text() + seeds.dictionaries())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
        *("run", f"{address}/openapi.json", "--no-color", "--continue-on-failure"),
        *("--report", "json", "--report-json-path", str(report), *arguments),
        env={**os.environ, "CONTRACT_TOKEN": mint(), "PYTHONPATH": str(_REPOSITORY)},
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if not report.exists():
        raise RuntimeError(output.decode())
    return Probe(_Report.model_validate_json(report.read_bytes()), output.decode())
