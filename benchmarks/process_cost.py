"""Processor time and peak memory of a server's processes, from /proc."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor seconds since the meter was created, and the peak of resident memory since then in bytes."""

    cpu_seconds: float
    peak_memory: int


class CostMeter:
    """Measures processes since its creation; the peaks of several are added up, which is never too low."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        for pid in pids:
            (_proc(pid) / "clear_refs").write_text("5")  # resets the peak (proc(5))
        self._cpu_at_start = sum(_cpu(pid) for pid in pids)

    def read(self) -> Cost:
        """Return the cost so far."""
        return Cost(sum(_cpu(pid) for pid in self._pids) - self._cpu_at_start, sum(_peak(pid) for pid in self._pids))


def _proc(pid: int) -> Path:
    return Path("/proc") / str(pid)


def _cpu(pid: int) -> float:
    fields = (_proc(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _peak(pid: int) -> int:
    for line in (_proc(pid) / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {pid} has no memory")
