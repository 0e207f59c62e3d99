"""Finalizes a session: writes its manifest, publishes `session.finalized`, and waits for the result."""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import structlog

from services.ingest.finalization.manifest_writer import FinalizeParams, ManifestWriter
from services.ingest.finalization.outbox import Outbox
from services.ingest.finalization.result_waiters import ResultWaiters
from shared.domain.envelope import Envelope
from shared.domain.errors import Unavailable
from shared.domain.events import AudioFailed
from shared.domain.identifiers import SessionKey
from shared.domain.manifest import StoredManifest
from shared.observability.trace import Trace, current_trace
from shared.process.failpoints import failpoint
from shared.process.tasks import run_blocking
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool

log = structlog.stdlib.get_logger(__name__)

_ASYNC_PUBLISH_SECONDS = 0.5  # a hung bus must not hold up a caller that prefers not to wait


@dataclass(frozen=True, slots=True)
class Finalizer:
    """Finalizes sessions; idempotent: a session has one manifest, one message id and one result."""

    spool: Spool
    manifests: ManifestWriter
    outbox: Outbox
    waiters: ResultWaiters
    executor: Executor
    wait_seconds: float

    async def finalize(self, key: SessionKey, *, wait: bool, params: FinalizeParams | None = None) -> Envelope | None:
        """Return how the session ended (`audio.ready` or `audio.failed`), or None when that takes longer.

        Without `wait`, or with the bus away, returns None at once, and the outbox goes on publishing. Raises what
        `ManifestWriter.write` raises.
        """
        directory = self.spool.session(key)
        stored, ended = await run_blocking(self.executor, self._write_manifest, directory, current_trace(), params)
        failpoint("ingest.sealed")
        if ended is not None and not _is_retryable(ended):
            return ended
        with self.waiters.wait_for(key) as waiter:
            published = await self._publish(
                directory, stored, ended, publish_seconds=None if wait else _ASYNC_PUBLISH_SECONDS
            )
            if not published or not wait:
                return None
            return await waiter.result(self.wait_seconds, poll=partial(self._read_result, directory))

    def _write_manifest(
        self, directory: SessionDirectory, trace: Trace, params: FinalizeParams | None
    ) -> tuple[StoredManifest, Envelope | None]:
        return self.manifests.write(directory.key, trace, params), directory.read_result()

    async def _publish(
        self,
        directory: SessionDirectory,
        stored: StoredManifest,
        failed: Envelope | None,
        *,
        publish_seconds: float | None,
    ) -> bool:
        if failed is None and directory.published.exists():
            return True
        if failed is not None:
            directory.result.unlink(missing_ok=True)
            directory.published.unlink(missing_ok=True)
        try:
            async with asyncio.timeout(publish_seconds):
                await self.outbox.publish(directory, stored, attempt=f"{failed.id}{failed.time}" if failed else "")
        except (Unavailable, TimeoutError):
            log.warning("the bus is away; the manifest is published later", session=directory.key.session)
            self.outbox.enqueue(directory)
            return False
        return True

    async def _read_result(self, directory: SessionDirectory) -> Envelope | None:
        return await run_blocking(self.executor, directory.read_result)


def _is_retryable(ended: Envelope) -> bool:
    """Whether a session failed only because a dependency was unavailable for too long."""
    return isinstance(ended.event, AudioFailed) and ended.event.retryable
