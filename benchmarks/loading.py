"""The load program as the benchmarks call it."""

import asyncio
import json
import sys
from dataclasses import asdict

from benchmarks.load import Order, Outcome


async def carried_out(order: Order) -> Outcome:
    """Run an order in a process of its own; ends the benchmark when a request is refused or a connection breaks."""
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
