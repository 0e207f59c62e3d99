"""Engines that die are started again on the same port, a bounded number of times."""

import asyncio
from time import monotonic
from typing import NoReturn

import structlog

from deploy.local.engine import Engine, EngineError

log = structlog.stdlib.get_logger(__name__)

_TRIES = 5
_FIRST_DELAY = 0.25
_STABLE_SECONDS = 60.0


async def keep_running(engine: Engine) -> NoReturn:
    """Start `engine` again each time it dies, until cancelled; raises EngineError when it won't stay up.

    Five tries, with a delay that doubles; the count begins anew once it has run for a minute.
    """
    tries = 0
    while True:
        since = monotonic()
        status = await engine.wait()
        log.error("engine died", engine=engine.name, status=status, last_line=engine.last_line())
        if monotonic() - since > _STABLE_SECONDS:
            tries = 0
        tries = await _start_again(engine, tries)


async def _start_again(engine: Engine, tries: int) -> int:
    """Return how many tries are used up once the engine answers again."""
    while tries < _TRIES:
        await asyncio.sleep(_FIRST_DELAY * 2**tries)
        tries += 1
        try:
            await engine.start()
        except EngineError as exc:
            log.error("engine does not come back", engine=engine.name, tries=tries, reason=str(exc))
        else:
            log.info("engine is back", engine=engine.name, port=engine.port)
            return tries
    raise EngineError(f"{engine.name} died and does not stay up after {_TRIES} restarts. {engine.diagnosis()}")
