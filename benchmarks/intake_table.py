"""The table of `make bench-intake`, and whether its targets are reached."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.measurement import Measurement, ratio, row_of
from benchmarks.servers import NGINX, OURS_FORM, OURS_RAW, TUS_SERVER

DISK = "the disk: write, fsync"
_KIB = 1024
_MIB = _KIB * _KIB


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of the benchmark: bodies of `size` bytes over `connections` connections."""

    size: int
    connections: int

    def __str__(self) -> str:
        size = f"{self.size // _MIB} MiB" if self.size >= _MIB else f"{self.size // 1000} kB"
        return f"{size}, {self.connections} connections"


Results = dict[Setting, dict[str, list[Measurement]]]


def print_table(results: Mapping[Setting, Mapping[str, Sequence[Measurement]]]) -> None:
    """Print one row for each setting and server: medians of the rounds, and our rate divided by the server's."""
    head = f"{'':24}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'CPU s/GB':>10}{'MB':>7}{'ours/it':>9}\n"
    for setting, servers in results.items():
        sys.stdout.write(f"\n{setting}\n{head}")
        for name, rounds in servers.items():
            row = row_of(rounds)
            against = ratio(servers[OURS_RAW.name], rounds)
            sys.stdout.write(
                f"{name:24}{row.rate:9.0f}{row.p50:9.1f}{row.p99:9.1f}{row.cpu:10.2f}{row.memory:7.0f}{against:9.2f}\n"
            )


@dataclass(frozen=True, slots=True)
class _Target:
    size: int
    ours: str
    other: str
    least: float


_TARGETS = (
    _Target(_MIB, OURS_RAW.name, TUS_SERVER.name, 3.0),
    _Target(_MIB, OURS_RAW.name, NGINX.name, 1.0),
    _Target(32_000, OURS_RAW.name, TUS_SERVER.name, 2.0),
    _Target(_MIB, OURS_FORM.name, OURS_RAW.name, 0.85),
    _Target(32_000, OURS_FORM.name, OURS_RAW.name, 0.85),
)


def print_targets(results: Mapping[Setting, Mapping[str, Sequence[Measurement]]]) -> None:
    """Print each target, and whether it is reached."""
    sys.stdout.write("\nto reach\n")
    for target in _TARGETS:
        for setting, servers in results.items():
            if setting.size == target.size and target.other in servers:
                reached = ratio(servers[target.ours], servers[target.other])
                mark = "reached" if reached >= target.least else "not reached"
                line = f"{target.ours} / {target.other}, {setting}"
                sys.stdout.write(f"{line:72}{reached:6.2f}  of {target.least:.2f}: {mark}\n")
