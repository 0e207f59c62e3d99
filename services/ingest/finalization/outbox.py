"""Transactional outbox: stored manifests are published until the bus has confirmed them, also after a crash."""

import asyncio
import time
from collections import deque
from collections.abc import Set as AbstractSet
from concurrent.futures import Executor

import structlog

from shared.domain.envelope import make_envelope
from shared.domain.errors import Unavailable
from shared.domain.events import SessionFinalized
from shared.domain.identifiers import SessionKey
from shared.domain.manifest import StoredManifest
from shared.domain.upload_kind import lead_of
from shared.messaging.bus import Bus
from shared.observability.metrics import Metrics
from shared.process.failpoints import failpoint
from shared.process.tasks import run_blocking
from shared.storage.durable_files import sync_directory
from shared.storage.session_directory import SessionDirectory

log = structlog.stdlib.get_logger(__name__)

_RETRY_SECONDS = 2.0
_MAX_PENDING = 10_000  # a later scan finds what is beyond
_REPUBLISH_SECONDS = 900.0  # a session published this long ago and still without a result is published once more


class Outbox:
    """Publishes `session.finalized` and marks the session as published; a lost mark only means publishing again.

    As a visitor of the spool scanner it finds what a crash or an absent bus left, and tries that every 2 s.
    """

    def __init__(self, executor: Executor, bus: Bus, metrics: Metrics) -> None:
        self._executor = executor
        self._bus = bus
        self._metrics = metrics
        self._wake = asyncio.Event()
        self._pending = dict[SessionKey, SessionDirectory]()
        self._found = deque[SessionDirectory]()  # by the scanner's thread; `flush` takes it over on the loop

    async def publish(self, directory: SessionDirectory, stored: StoredManifest, *, attempt: str = "") -> None:
        """Publish that a session is finalized, and mark it as published; raises Unavailable, which is worth a retry.

        `attempt` makes the message id of a further try after a failure another one: the bus drops repeated ids.
        """
        manifest = stored.manifest
        event = SessionFinalized(manifest_sha256=stored.sha256, chunks=len(manifest.chunks), bytes=manifest.size)
        cause, lead = stored.sha256 + attempt, lead_of(manifest.purpose)
        await self._bus.publish(
            make_envelope("ingest", manifest.key, event, cause=cause, trace=manifest.trace, lead=lead)
        )
        failpoint("ingest.published")
        await asyncio.get_running_loop().run_in_executor(self._executor, directory.published.touch)

    async def run(self) -> None:
        """Publish what is pending: when it is found, when the bus is back, and every 2 s; until cancelled."""
        self._bus.on_ready(self._wake.set)
        while True:
            self._wake.clear()
            try:
                await self._publish_pending()
            except OSError:
                log.exception("the spool can't be read; trying again soon")
            self._metrics.outbox_pending.set(len(self._pending))
            try:
                async with asyncio.timeout(_RETRY_SECONDS if self._pending else None):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def enqueue(self, directory: SessionDirectory) -> None:
        """Publish a session's manifest soon; beyond 10,000 pending ones it is left to a later scan."""
        if len(self._pending) < _MAX_PENDING:
            self._pending[directory.key] = directory
            self._wake.set()

    def inspect(self, directory: SessionDirectory, names: AbstractSet[str]) -> None:
        """Note a session whose manifest may not be published; blocks."""
        unfinished = directory.manifest.name in names and names.isdisjoint(
            {directory.result.name, directory.deleted.name}
        )
        if unfinished and not (directory.published.name in names and _recently_published(directory)):
            self._found.append(directory)

    async def flush(self) -> None:
        """Enqueue what the scan found."""
        while self._found:
            self.enqueue(self._found.popleft())

    async def _publish_pending(self) -> None:
        for directory in list(self._pending.values()):
            stored = await run_blocking(self._executor, _unpublished, directory)
            if stored is not None:
                try:
                    await self.publish(directory, stored)
                except Unavailable:
                    return
                log.info("published a pending manifest", session=directory.key.session)
            self._pending.pop(directory.key, None)


def _unpublished(directory: SessionDirectory) -> StoredManifest | None:
    """Return a manifest to publish, or None if it was published meanwhile, has a result or is unreadable; blocks."""
    if directory.result.exists() or _recently_published(directory):
        return None
    try:
        stored = directory.read_manifest()
    except ValueError:
        log.exception("a manifest can't be read", session=directory.key.session)
        return None
    if stored is not None:
        sync_directory(directory.path)  # its writer may have crashed before syncing
    return stored


def _recently_published(directory: SessionDirectory) -> bool:
    try:
        return time.time() - directory.published.stat().st_mtime < _REPUBLISH_SECONDS
    except FileNotFoundError:
        return False
