"""The measurement of one server in one round, and the row of a table made from several rounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One round: seconds in all and of each request, processor seconds, peak memory and body size in bytes."""

    seconds: float
    latencies: Sequence[float]
    cpu_seconds: float
    peak_memory: int
    size: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds

    def latency(self, share: float) -> float:
        """Return the seconds within which that share of the requests got its response (nearest rank)."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

    @property
    def cpu_for_gigabyte(self) -> float:
        """Processor seconds for 10⁹ bytes."""
        return self.cpu_seconds / (len(self.latencies) * self.size) * 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Medians over the rounds: requests a second, ms, processor seconds for 10⁹ bytes; and the highest memory in MB."""

    rate: float
    p50: float
    p99: float
    cpu: float
    memory: float


def row_of(rounds: Sequence[Measurement]) -> Row:
    """Summarize one server's rounds."""
    return Row(
        rate=median(one.rate for one in rounds),
        p50=median(one.latency(0.5) for one in rounds) * 1000,
        p99=median(one.latency(0.99) for one in rounds) * 1000,
        cpu=median(one.cpu_for_gigabyte for one in rounds),
        memory=max(one.peak_memory for one in rounds) / 1e6,
    )


def ratio(ours: Sequence[Measurement], theirs: Sequence[Measurement]) -> float:
    """Return our requests a second divided by theirs: the median over the rounds, compared round by round."""
    return median(one.rate / other.rate for one, other in zip(ours, theirs, strict=True))
