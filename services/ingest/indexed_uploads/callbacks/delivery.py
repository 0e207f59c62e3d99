"""What is due for one upload's callback: the try itself, what is written down of it, and its event."""

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

_LONGEST = timedelta(hours=24)  # from the end of the session to the last try
_HELD_SECONDS = 0.2  # between two looks at whether another replica is done


class DeliveryStep(Enum):
    """How far a callback has come."""

    WAITING = auto()
    """The session has not ended, or nothing is stored yet."""
    REFUSED = auto()
    """A try was not confirmed; another one may be."""
    ENDED = auto()
    """Confirmed or given up, written down and published; or there is nobody to tell any more."""


@dataclass(frozen=True, slots=True)
class CallbackDelivery:
    """Takes one callback one step further.

    What a receiver confirmed is written down before anything else: with the bus away only the event waits.
    """

    records: CallbackStore
    sender: CallbackSender
    executor: Executor
    bus: Bus
    metrics: Metrics
    tries: int

    async def attempt(self, key: SessionKey, known: Envelope | None, attempts: int) -> DeliveryStep:
        """Do what is due after so many `attempts`; `known` is how the session ended, where the spool may not say yet.

        Raises Unavailable when only the event could not be published, and OSError.
        """
        standing = await self._state(key, known)
        if standing is None:
            await run_blocking(self.executor, self.records.remove_pending, key)
            return DeliveryStep.ENDED
        settlement = standing.settlement
        if settlement is None:
            if standing.original is None:
                return DeliveryStep.WAITING
            settlement = await self._deliver(key, known, attempts)
        if settlement is None:
            return DeliveryStep.REFUSED
        await self._publish(key, standing, settlement)
        await run_blocking(self.executor, self.records.remove_pending, key)
        return DeliveryStep.ENDED

    async def _state(self, key: SessionKey, known: Envelope | None) -> CallbackState | None:
        """Return what there is to tell, or None where there never will be anything."""
        standing = await run_blocking(self.executor, self.records.state, key)
        if standing is None:
            return None
        standing = replace(standing, outcome=standing.outcome or known)
        return None if standing.undeliverable else standing

    async def _deliver(self, key: SessionKey, known: Envelope | None, attempts: int) -> CallbackResult | None:
        """Tell once, unless another replica just did; None leaves it to another try."""
        held = await self._acquire_delivery_lock(key)
        try:
            standing = await self._state(key, known)
            if standing is None or standing.settlement is not None or standing.outcome is None:
                return standing.settlement if standing else None
            if standing.original is None:
                return None
            refused = await self.sender.send(message_id(key), _notice(key, standing, standing.original))
            last = attempts + 1 >= self.tries or now() - standing.outcome.time >= _LONGEST
            outcome = "delivered" if refused is None else "given_up" if last else "failed"
            self.metrics.webhook_deliveries.labels(outcome).inc()
            log.info("tried to tell the main service", session=key.session, outcome=outcome, reason=refused)
            if refused is not None and not last:
                return None
            return await run_blocking(
                self.executor, self.records.write_result, key, attempts=attempts + 1, refused=refused or ""
            )
        finally:
            held.release()

    async def _acquire_delivery_lock(self, key: SessionKey) -> ReleasableLock:
        """Take the lock that keeps replicas from telling twice; whoever holds it is done within one try's time."""
        while True:
            held = await run_blocking(self.executor, try_lock, self.records.delivery_lock(key))
            if held is not None:
                return held
            await asyncio.sleep(_HELD_SECONDS)

    async def _publish(self, key: SessionKey, standing: CallbackState, settlement: CallbackResult) -> None:
        identity, attempts = settlement.message_id, settlement.attempts
        event: Event = WebhookDelivered(message_id=identity, attempts=attempts)
        if not settlement.delivered:
            event = WebhookFailed(message_id=identity, attempts=attempts, reason=settlement.refused)
        trace = standing.outcome.trace if standing.outcome else current_trace()
        await self.bus.publish(make_envelope("ingest", key, event, cause=settlement.settled_at, trace=trace))


def _notice(key: SessionKey, standing: CallbackState, original: StoredOriginal) -> FileStoredNotice:
    return FileStoredNotice(
        main_service_file_id=standing.purpose.main_service_file_id,
        upload_session_id=key.session,
        file_path_on_upload_service=original.url,
        original_file_name=standing.purpose.given_name,
        size_bytes=original.size_bytes,
        sha256=original.sha256,
    )
