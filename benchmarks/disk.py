"""The disk's own limit: what a program reaches that does nothing but write files and sync them."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.measurement import Measurement


def measure_disk(folder: Path, *, size: int, writers: int, files: int) -> Measurement:
    """Write `files` files of `size` bytes, each synced before the next, by `writers` beside each other; blocks."""
    content = os.urandom(size)
    latencies: list[float] = []

    def write(number: int) -> None:
        begun = time.perf_counter()
        fd = os.open(folder / f"{number:07d}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(fd, content)
            os.fsync(fd)
        finally:
            os.close(fd)
        latencies.append(time.perf_counter() - begun)

    before, begun = os.times(), time.perf_counter()
    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(files)))
    seconds, after = time.perf_counter() - begun, os.times()
    cpu = after.user + after.system - before.user - before.system
    return Measurement(seconds=seconds, latencies=latencies, cpu_seconds=cpu, peak_memory=0, size=size)
