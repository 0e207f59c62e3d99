"""Draws the failpoints of a service for one start."""

import random

_KILLS = {
    "ingest": ("ingest.named", "ingest.kept", "ingest.sealed", "ingest.published", "spool.fsync", "spool.named"),
    "assembler": ("assembler.decoding", "assembler.uploaded", "assembler.told", "assembler.closed", "spool.named"),
    "analyzer": ("analyzer.answered", "analyzer.stored", "analyzer.told"),
    "notifier": ("notifier.heard",),
}
_DISK_FAULTS = {
    "ingest": ("spool.fsync=eio", "spool.fsync=enospc", "spool.fsync_directory=eio"),
    "assembler": ("spool.fsync=eio", "spool.fsync_directory=eio"),
}
_LATEST = {"ingest.named": 8, "ingest.kept": 8, "spool.fsync": 8, "notifier.heard": 8}


def draw_failpoints(service: str, rng: random.Random) -> str:
    """Draw at most one failpoint that kills, and at most one disk fault; returns the value of `FAILPOINTS`."""
    armed = []
    if rng.random() < 0.5:
        name = rng.choice(_KILLS[service])
        armed.append(f"{name}=kill@{rng.randint(1, _LATEST.get(name, 3))}")
    faults = _DISK_FAULTS.get(service, ())
    if faults and rng.random() < 0.4:
        fault = rng.choice(faults)
        if not any(failpoint.startswith(fault.partition("=")[0] + "=") for failpoint in armed):
            armed.append(f"{fault}@{rng.randint(1, 10)}")
    return ",".join(armed)
