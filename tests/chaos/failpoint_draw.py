"""Which named spots a service is armed at for one life."""

import random

_KILLS = {
    "ingest": ("ingest.named", "ingest.kept", "ingest.sealed", "ingest.published", "spool.fsync", "spool.named"),
    "assembler": ("assembler.decoding", "assembler.uploaded", "assembler.told", "assembler.closed", "spool.named"),
    "analyzer": ("analyzer.answered", "analyzer.told"),
    "notifier": ("notifier.heard",),
}
_DISK_FAULTS = {
    "ingest": ("spool.fsync=eio", "spool.fsync=enospc", "spool.fsync_directory=eio"),
    "assembler": ("spool.fsync=eio", "spool.fsync_directory=eio"),
}
_LATEST = {"ingest.named": 8, "ingest.kept": 8, "spool.fsync": 8, "notifier.heard": 8}


def draw_failpoints(service: str, dice: random.Random) -> str:
    """Draw at most one spot to die at, and at most one at which the disk fails, as `FAILPOINTS` has them."""
    armed = []
    if dice.random() < 0.5:
        spot = dice.choice(_KILLS[service])
        armed.append(f"{spot}=kill@{dice.randint(1, _LATEST.get(spot, 3))}")
    faults = _DISK_FAULTS.get(service, ())
    if faults and dice.random() < 0.4:
        fault = dice.choice(faults)
        if not any(spot.startswith(fault.partition("=")[0] + "=") for spot in armed):
            armed.append(f"{fault}@{dice.randint(1, 10)}")
    return ",".join(armed)
