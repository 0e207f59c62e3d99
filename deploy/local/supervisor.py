"""Restarts an engine that died, on the same port, a limited number of times."""

import asyncio
from time import monotonic
from typing import NoReturn

import structlog

from deploy.local.engine import Engine, EngineError

log = structlog.stdlib.get_logger(__name__)

_STABLE_SECONDS = 60.0


async def supervise(engine: Engine, *, tries: int = 5, first_delay: float = 0.25) -> NoReturn:
    """Restart `engine` each time it dies, until cancelled; raises EngineError after `tries` restarts.

    The first restart comes after `first_delay` seconds, each further one after twice as long; the count starts again
    at 0 once the engine has run for 60 s.
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
    """Restart the engine, and return how many tries are used up once it is ready again."""
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
