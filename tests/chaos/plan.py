"""What a chaos run does: drawn from one seed, so that it can be done again."""

import argparse
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

SERVICES = ("ingest", "assembler", "analyzer", "notifier")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much of everything; times in seconds.

    `kills` is of each service; the engines get a share of it. After the storm the bus is stopped with SIGSTOP for
    `pause`, then away for `away`, each time at least until something was taken meanwhile. What is `redelivered` after
    how long decides how long a killed job rests. A run whose system stands still for `patience` has failed.
    """

    seed: int
    kills: int
    senders: int = 4
    pause: float = 60.0
    away: float = 300.0
    redelivery: float = 5.0
    patience: float = 240.0
    store_faults: float = 0.08  # of the store's requests

    @property
    def bus_kills(self) -> int:
        return max(1, self.kills // 8)

    @property
    def store_kills(self) -> int:
        return max(1, self.kills // 20)

    def dice(self, name: str) -> random.Random:
        """Return one actor's own chances: what it draws does not depend on when the others draw."""
        return random.Random(f"{self.seed}/{name}")  # noqa: S311  # to be drawn again, not to be kept secret


def parse_plan(arguments: Sequence[str]) -> Plan:
    """Read a command line; without a seed it is the clock's."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Break everything; lose nothing.")
    parser.add_argument("--seed", type=int, default=time.time_ns() // 1_000_000 % 10**9)
    parser.add_argument("--kills", type=int, default=200, help="of each service")
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--pause", type=float, default=60.0, help="seconds for which the bus is stopped; 0 for never")
    parser.add_argument("--away", type=float, default=300.0, help="seconds for which the bus is gone; 0 for never")
    parser.add_argument("--redelivery", type=float, default=5.0, help="seconds until a dead worker's job is another's")
    parser.add_argument("--patience", type=float, default=240.0, help="seconds without progress that fail the run")
    return Plan(**vars(parser.parse_args(arguments)))
