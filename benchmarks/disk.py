"""Measures the disk alone: a program that only writes files and fsyncs them."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.measurement import Measurement


def measure_disk(folder: Path, *, size: int, writers: int, files: int) -> Measurement:
    """Write `files` files of `size` bytes in `writers` threads, each thread syncing a file before its next; blocks."""
    content = os.urandom(size)
    latencies: list[float] = []

    def write(number: int) -> None:
        started = time.perf_counter()
        fd = os.open(folder / f"{number:07d}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(fd, content)
            os.fsync(fd)
        finally:
            os.close(fd)
        latencies.append(time.perf_counter() - started)

    before, started = os.times(), time.perf_counter()
    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(files)))
    seconds, after = time.perf_counter() - started, os.times()
    cpu = after.user + after.system - before.user - before.system
    return Measurement(seconds=seconds, latencies=latencies, cpu_seconds=cpu, peak_memory=0, size=size)
