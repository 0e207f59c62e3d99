"""Engines that die are started again on the same port, a bounded number of times."""

import asyncio
from time import monotonic
from typing import NoReturn

import structlog

from deploy.local.engine import Engine, EngineError

log = structlog.stdlib.get_logger(__name__)

_STABLE_SECONDS = 60.0


async def supervise(engine: Engine, *, tries: int = 5, first_delay: float = 0.25) -> NoReturn:
    """Start `engine` again each time it dies, until cancelled; raises EngineError when it won't stay up.

    It gets `tries`, the first after `first_delay` seconds, each other after twice as long; the count begins anew
    once the engine has run for a minute.
    """
    used = 0
    while True:
        since = monotonic()
        status = await engine.wait()
        log.error("engine died", engine=engine.name, status=status, last_line=engine.last_line())
        if monotonic() - since > _STABLE_SECONDS:
            used = 0
        used = await _restart(engine, used, tries, first_delay)


async def _restart(engine: Engine, used: int, tries: int, first_delay: float) -> int:
    """Return how many tries are used up once the engine answers again."""
    while used < tries:
        await asyncio.sleep(first_delay * 2.0**used)
        used += 1
        try:
            await engine.start()
        except EngineError as exc:
            log.error("engine does not come back", engine=engine.name, tries=used, reason=str(exc))
        else:
            log.info("engine is back", engine=engine.name, port=engine.port)
            return used
    raise EngineError(f"{engine.name} died and does not stay up after {tries} restarts. {engine.diagnosis()}")
