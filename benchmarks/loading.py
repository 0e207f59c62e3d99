"""Runs the load program in its own process."""

import asyncio
import json
import sys
from dataclasses import asdict

from benchmarks.load import Order, Outcome


async def run_load(order: Order) -> Outcome:
    """Run an order in its own process; ends the benchmark if any response is not 2xx or a connection breaks."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "benchmarks.load")
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    written, _ = await process.communicate(json.dumps(asdict(order)).encode())
    if process.returncode != 0:
        raise SystemExit(f"the load program failed: {order}")
    outcome = Outcome(**json.loads(written))
    if outcome.failures:
        raise SystemExit(f"{outcome.failures} requests were refused: {order}")
    return outcome
