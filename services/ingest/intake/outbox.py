"""The outbox: manifests on disk are published until the bus has confirmed them, whatever crashes in between."""

import asyncio
import time
from concurrent.futures import Executor

import structlog

from shared.bus import Bus
from shared.codec import envelope
from shared.errors import Unavailable
from shared.events import SessionFinalized
from shared.manifest import StoredManifest
from shared.metrics import Metrics
from shared.purpose import lead_of
from shared.spool import SessionDirectory, Spool

log = structlog.stdlib.get_logger(__name__)

_RETRY_SECONDS = 2.0
_SCAN_SECONDS = 30.0
_DOUBT_SECONDS = 900.0  # a session confirmed this long ago and still without result is published once more


class Outbox:
    """Publishes `session.finalized` and marks it; the marker's loss only means publishing again."""

    def __init__(self, spool: Spool, executor: Executor, bus: Bus, metrics: Metrics) -> None:
        self._spool = spool
        self._executor = executor
        self._bus = bus
        self._metrics = metrics
        self._wake = asyncio.Event()

    async def publish(self, directory: SessionDirectory, stored: StoredManifest, *, attempt: str = "") -> None:
        """Tell the bus that a session is complete, and mark that it knows; raises Unavailable, to be tried again.

        `attempt` names a further try after a failure, which the bus must not take for a repetition of the first.
        """
        manifest = stored.manifest
        event = SessionFinalized(manifest_sha256=stored.sha256, chunks=len(manifest.chunks), bytes=manifest.size)
        cause, lead = stored.sha256 + attempt, lead_of(manifest.purpose)
        await self._bus.publish(envelope("ingest", manifest.key, event, cause=cause, trace=manifest.trace, lead=lead))
        await asyncio.get_running_loop().run_in_executor(self._executor, directory.published.touch)

    async def run(self) -> None:
        """Publish what is pending: at start, when the bus comes back, and every now and then; until cancelled."""
        self._bus.on_ready(self._wake.set)
        while True:
            self._wake.clear()
            try:
                pending = await self._publish_pending()
            except OSError:
                log.exception("the spool can't be read; looking again soon")
                pending = 1
            self._metrics.outbox_pending.set(pending)
            try:
                async with asyncio.timeout(_RETRY_SECONDS if pending else _SCAN_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def wake(self) -> None:
        """Look again soon: a publish just failed."""
        self._wake.set()

    async def _publish_pending(self) -> int:
        """Return how many manifests are still unconfirmed."""
        loop = asyncio.get_running_loop()
        pending = await loop.run_in_executor(self._executor, self._pending)
        confirmed = 0
        for directory, stored in pending:
            try:
                await self.publish(directory, stored)
            except Unavailable:
                break
            confirmed += 1
            log.info("published a pending manifest", session=directory.key.session)
        return len(pending) - confirmed

    def _pending(self) -> list[tuple[SessionDirectory, StoredManifest]]:
        found = []
        for directory in self._spool.sessions():
            if directory.result.exists() or not directory.manifest.exists() or _fresh(directory):
                continue
            try:
                stored = directory.read_manifest()
            except ValueError:
                log.error("a manifest can't be read", session=directory.key.session)
                continue
            if stored is not None:
                found.append((directory, stored))
        return found


def _fresh(directory: SessionDirectory) -> bool:
    try:
        return time.time() - directory.published.stat().st_mtime < _DOUBT_SECONDS
    except FileNotFoundError:
        return False
