"""`make bench-growth`: a chunk's latency in a long session and among many sessions, and memory of large uploads."""

import asyncio
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks.load import Order
from benchmarks.loading import run_load
from benchmarks.process_cost import CostMeter
from benchmarks.servers import OURS_RAW, Running

_LONG = 10_000
_AROUND = 200
_CHUNK = 3_200  # a tenth of a second
_UPLOADS = 64
_UPLOAD_BYTES = 100 * 1000 * 1000


async def run() -> None:
    """Run all three measurements and print them."""
    for name, measure in (
        ("one session of 10,000 chunks, one after the other", _long_session),
        ("a new session's chunk, with 10 and with 10,000 others open", _many_sessions),
        ("64 uploads of 100 MB at once", _large_uploads),
    ):
        with tempfile.TemporaryDirectory(prefix="roomtone-bench-", dir=Path.cwd()) as folder:
            async with OURS_RAW.start(Path(folder), Path()) as running:
                sys.stdout.write(f"{name}\n")
                await measure(running)


async def _long_session(running: Running) -> None:
    order = Order(port=running.port, shape="chunk-raw", size=_CHUNK, connections=1, requests=_LONG + _AROUND)
    latencies = (await run_load(order)).latencies
    early, late = median(latencies[10 : 10 + _AROUND]), median(latencies[_LONG - _AROUND : _LONG + _AROUND])
    _say(f"chunk 10: {early * 1000:.2f} ms, chunk 10,000: {late * 1000:.2f} ms, ratio {late / early:.2f}")


async def _many_sessions(running: Running) -> None:
    few = Order(port=running.port, shape="session-each", size=_CHUNK, connections=8, requests=10, run="few")
    await run_load(few)
    among_few = await run_load(replace(few, requests=1_000, run="among-few"))
    await run_load(replace(few, requests=9_000, run="many"))
    among_many = await run_load(replace(few, requests=1_000, run="among-many"))
    early, late = median(among_few.latencies), median(among_many.latencies)
    _say(f"among 10: {early * 1000:.2f} ms, among 10,000: {late * 1000:.2f} ms, ratio {late / early:.2f}")


async def _large_uploads(running: Running) -> None:
    order = Order(
        port=running.port, shape="chunk-raw", size=_UPLOAD_BYTES, connections=_UPLOADS, requests=_UPLOADS, run="large"
    )
    idle = CostMeter(running.pids[:1]).read().peak_memory
    meter = CostMeter(running.pids[:1])
    sending = asyncio.create_task(run_load(order))
    peaks = []
    while not sending.done():
        await asyncio.wait([sending], timeout=2)
        peaks.append(meter.read().peak_memory)
    outcome = await sending
    shown = ", ".join(f"{peak / 1e6:.0f}" for peak in peaks)
    _say(f"idle {idle / 1e6:.0f} MB; peak so far, every 2 s: {shown} MB; {outcome.seconds:.1f} s in all")


def _say(line: str) -> None:
    sys.stdout.write(f"  {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(run())
