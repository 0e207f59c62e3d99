"""`make chaos` in under a minute: every process is killed a few times, and the bus is stopped and gone for a moment."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.environment import clean_environment

_SHORT = (
    "--kills",
    "2",
    "--senders",
    "2",
    "--pause",
    "1",
    "--away",
    "2",
    "--redelivery",
    "2",
    "--stall-timeout",
    "100",
)


@pytest.mark.timeout(400)  # half a minute where nothing else runs
async def test_nothing_acknowledged_is_lost_whichever_process_is_killed(tmp_path: Path) -> None:
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chaos", *_SHORT),
        env={**clean_environment(os.environ), "TMPDIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        output, _ = await run.communicate()
    finally:
        if run.returncode is None:
            run.kill()
            await run.wait()
    assert run.returncode == 0, output.decode()
