"""Removes stale temporary files and expired path claims every minute."""

import asyncio
from concurrent.futures import Executor

import structlog

from services.ingest.session_state.path_claims import ObjectPathClaims
from shared.storage.durable_files import remove_stale_temporaries
from shared.storage.spool import Spool

log = structlog.stdlib.get_logger(__name__)

_EVERY_SECONDS = 60.0


async def run_temp_file_sweeper(spool: Spool, executor: Executor) -> None:
    """Remove stale temporary files and path claims now and every minute, until cancelled; files in use are locked."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            removed = await loop.run_in_executor(executor, remove_stale_temporaries, spool.temporaries)
            await loop.run_in_executor(executor, ObjectPathClaims(spool.claims).sweep)
        except OSError:
            log.exception("the spool can't be swept; trying again soon")
        else:
            if removed:
                log.info("removed what a crash left", files=removed)
        await asyncio.sleep(_EVERY_SECONDS)
