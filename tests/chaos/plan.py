"""The options of a chaos run, and its random numbers: all from one seed, so that a run can be repeated."""

import argparse
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

SERVICES = ("ingest", "assembler", "analyzer", "notifier")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The options; times in seconds.

    `kills` counts for each service; the engines get a share of it. After the kills the bus is stopped with SIGSTOP for
    `pause`, then gone for `away`, each time at least until a chunk and a finalize were accepted meanwhile. A job of a
    killed worker is delivered again after `redelivery`. A run without any progress for `stall_timeout` has failed.
    """

    seed: int
    kills: int
    senders: int = 4
    pause: float = 60.0
    away: float = 300.0
    redelivery: float = 5.0
    stall_timeout: float = 240.0
    store_faults: float = 0.08  # of the store's requests

    @property
    def bus_kills(self) -> int:
        return max(1, self.kills // 8)

    @property
    def store_kills(self) -> int:
        return max(1, self.kills // 20)

    def rng(self, name: str) -> random.Random:
        """Return the random numbers of one task: they do not depend on when the other tasks draw theirs."""
        return random.Random(f"{self.seed}/{name}")  # noqa: S311  # to be repeatable, not secret


def parse_plan(arguments: Sequence[str]) -> Plan:
    """Parse a command line; without a seed it is taken from the clock."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Break everything; lose nothing.")
    parser.add_argument("--seed", type=int, default=time.time_ns() // 1_000_000 % 10**9)
    parser.add_argument("--kills", type=int, default=200, help="of each service")
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--pause", type=float, default=60.0, help="seconds for which the bus is stopped; 0 for never")
    parser.add_argument("--away", type=float, default=300.0, help="seconds for which the bus is gone; 0 for never")
    parser.add_argument("--redelivery", type=float, default=5.0, help="seconds until a dead worker's job is another's")
    parser.add_argument("--stall-timeout", type=float, default=240.0, help="seconds without progress that fail the run")
    return Plan(**vars(parser.parse_args(arguments)))
