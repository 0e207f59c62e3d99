"""`make bench-intake`: compares how fast servers store request bodies, ours and others side by side in one run.

Every server writes to the same disk and is sent the same bodies by the same load program, and the servers take turns in
every round, so that other work on the machine affects all of them. Ours syncs each body to disk before it responds;
the others do not.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.disk import measure_disk
from benchmarks.intake_table import DISK, Results, Setting, print_table, print_targets
from benchmarks.load import Order
from benchmarks.loading import run_load
from benchmarks.measurement import Measurement
from benchmarks.peers.installed import CannotInstallError
from benchmarks.process_cost import CostMeter
from benchmarks.servers import NGINX, OURS_FORM, OURS_RAW, TUS_SERVER, TUSPYSERVER, Running, Server

_MIB = 1024 * 1024
_REQUESTS = {32_000: 3_000, _MIB: 600}
_CONNECTIONS = (8, 64)
_PEERS = Path(__file__).parent.parent / ".bench"


async def run(rounds: int, only: Sequence[int]) -> None:
    """Measure all servers and print the tables."""
    servers, missing = await asyncio.to_thread(_installed)
    for line in missing:
        sys.stdout.write(line + "\n")
    results: Results = {}
    for size in only:
        for connections in _CONNECTIONS:
            setting = Setting(size, connections)
            for number in range(rounds):
                sys.stdout.write(f"{setting}, round {number + 1} of {rounds}\n")
                sys.stdout.flush()
                await _round(setting, servers, results)
    print_table(results)
    print_targets(results)


def _installed() -> tuple[list[tuple[Server, Path]], list[str]]:
    servers, missing = [], []
    for server in (OURS_RAW, OURS_FORM, TUS_SERVER, NGINX, TUSPYSERVER):
        try:
            servers.append((server, server.install(_PEERS) if server.install else Path()))
        except CannotInstallError as exc:
            missing.append(f"left out: {server.name}: {exc}")
    return servers, missing


async def _round(setting: Setting, servers: Sequence[tuple[Server, Path]], results: Results) -> None:
    for server, program in servers:
        with tempfile.TemporaryDirectory(prefix="roomtone-bench-", dir=Path.cwd()) as name:
            async with server.start(Path(name), program) as running:
                measured = await _measure(server, running, setting)
        results.setdefault(setting, {}).setdefault(server.name, []).append(measured)
    with tempfile.TemporaryDirectory(prefix="roomtone-bench-", dir=Path.cwd()) as name:
        files, writers = _REQUESTS[setting.size], setting.connections
        disk = await asyncio.to_thread(measure_disk, Path(name), size=setting.size, writers=writers, files=files)
    results[setting].setdefault(DISK, []).append(disk)


async def _measure(server: Server, running: Running, setting: Setting) -> Measurement:
    order = Order(
        port=running.port,
        shape=server.shape,
        size=setting.size,
        connections=setting.connections,
        requests=_REQUESTS[setting.size],
    )
    await run_load(replace(order, requests=4 * setting.connections, run="warm"))
    meter = CostMeter(running.pids)
    outcome = await run_load(order)
    cost = meter.read()
    return Measurement(
        seconds=outcome.seconds,
        latencies=outcome.latencies,
        cpu_seconds=cost.cpu_seconds,
        peak_memory=cost.peak_memory,
        size=setting.size,
    )


def main() -> None:
    """Run the benchmark with the command line's options."""
    parser = argparse.ArgumentParser(description="Compare how fast servers take bodies in.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="*", choices=list(_REQUESTS), default=list(_REQUESTS))
    options = parser.parse_args()
    asyncio.run(run(options.rounds, options.sizes))


if __name__ == "__main__":
    main()
