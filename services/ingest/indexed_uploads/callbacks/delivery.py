"""One attempt of an upload's callback: sends it, stores its result, and publishes the result's event."""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum, auto

import structlog

from services.ingest.indexed_uploads.callbacks.sender import CallbackSender, FileStoredNotice
from services.ingest.indexed_uploads.callbacks.store import CallbackResult, CallbackState, CallbackStore, message_id
from shared.domain.clock import now
from shared.domain.envelope import Envelope, make_envelope
from shared.domain.events import Event, StoredOriginal, WebhookDelivered, WebhookFailed
from shared.domain.identifiers import SessionKey
from shared.messaging.bus import Bus
from shared.observability.metrics import Metrics
from shared.observability.trace import current_trace
from shared.process.tasks import run_blocking
from shared.storage.lock_files import ReleasableLock, try_lock

log = structlog.stdlib.get_logger(__name__)

_MAX_AGE = timedelta(hours=24)  # from the end of the session to the last try
_LOCK_POLL_SECONDS = 0.2  # between two tries to take the delivery lock


class DeliveryStep(Enum):
    """What an attempt came to."""

    WAITING = auto()
    """Not due: the session has not ended, or its file is not stored yet."""
    FAILED = auto()
    """The receiver has not confirmed; worth a retry."""
    ENDED = auto()
    """Delivered or given up, with the result stored and published; or there is nothing to deliver any more."""


@dataclass(frozen=True, slots=True)
class CallbackDelivery:
    """Makes one attempt at a pending callback.

    A confirmation is stored before anything else is done: with the bus away only the event waits.
    """

    store: CallbackStore
    sender: CallbackSender
    executor: Executor
    bus: Bus
    metrics: Metrics
    tries: int

    async def attempt(self, key: SessionKey, known: Envelope | None, attempts: int) -> DeliveryStep:
        """Make the attempt that is due after `attempts` earlier ones.

        `known` is the session's outcome, for a spool that may not have it yet. Raises Unavailable when only the event
        could not be published, and OSError.
        """
        state = await self._state(key, known)
        if state is None:
            await run_blocking(self.executor, self.store.remove_pending, key)
            return DeliveryStep.ENDED
        result = state.result
        if result is None:
            if state.original is None:
                return DeliveryStep.WAITING
            result = await self._deliver(key, known, attempts)
        if result is None:
            return DeliveryStep.FAILED
        await self._publish(key, state, result)
        await run_blocking(self.executor, self.store.remove_pending, key)
        return DeliveryStep.ENDED

    async def _state(self, key: SessionKey, known: Envelope | None) -> CallbackState | None:
        """Return the callback's state, or None where there will never be a file to report."""
        state = await run_blocking(self.executor, self.store.state, key)
        if state is None:
            return None
        state = replace(state, outcome=state.outcome or known)
        return None if state.undeliverable else state

    async def _deliver(self, key: SessionKey, known: Envelope | None, attempts: int) -> CallbackResult | None:
        """Send once, unless another replica just has a result; None leaves it to another try."""
        lock = await self._acquire_delivery_lock(key)
        try:
            state = await self._state(key, known)
            if state is None or state.result is not None or state.outcome is None:
                return state.result if state else None
            if state.original is None:
                return None
            failure = await self.sender.send(message_id(key), _notice(key, state, state.original))
            last = attempts + 1 >= self.tries or now() - state.outcome.time >= _MAX_AGE
            outcome = "delivered" if failure is None else "given_up" if last else "failed"
            self.metrics.webhook_deliveries.labels(outcome).inc()
            log.info("sent a callback to the main service", session=key.session, outcome=outcome, reason=failure)
            if failure is not None and not last:
                return None
            return await run_blocking(
                self.executor, self.store.write_result, key, attempts=attempts + 1, refused=failure or ""
            )
        finally:
            lock.release()

    async def _acquire_delivery_lock(self, key: SessionKey) -> ReleasableLock:
        """Take the lock that keeps replicas from sending at the same time; it is held for one try at most."""
        while True:
            lock = await run_blocking(self.executor, try_lock, self.store.delivery_lock(key))
            if lock is not None:
                return lock
            await asyncio.sleep(_LOCK_POLL_SECONDS)

    async def _publish(self, key: SessionKey, state: CallbackState, result: CallbackResult) -> None:
        identity, attempts = result.message_id, result.attempts
        event: Event = WebhookDelivered(message_id=identity, attempts=attempts)
        if not result.delivered:
            event = WebhookFailed(message_id=identity, attempts=attempts, reason=result.refused)
        trace = state.outcome.trace if state.outcome else current_trace()
        await self.bus.publish(make_envelope("ingest", key, event, cause=result.settled_at, trace=trace))


def _notice(key: SessionKey, state: CallbackState, original: StoredOriginal) -> FileStoredNotice:
    return FileStoredNotice(
        main_service_file_id=state.upload.main_service_file_id,
        upload_session_id=key.session,
        file_path_on_upload_service=original.url,
        original_file_name=state.upload.given_name,
        size_bytes=original.size_bytes,
        sha256=original.sha256,
    )
