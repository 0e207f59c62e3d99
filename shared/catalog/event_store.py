"""Event store: an event is applied to the catalog, archived in the bucket, and published on the stream.

Only events about what is in the bucket are archived there, beside the recording, so that the catalog can be rebuilt.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from dataclasses import dataclass

from nats.errors import Error as NatsError

from shared.catalog.catalog import Catalog, CatalogEntry, SessionIsDeleted
from shared.catalog.record import CatalogRecord
from shared.catalog.result_store import ResultStore
from shared.domain.envelope import Envelope, decode, encode
from shared.domain.errors import Unavailable
from shared.domain.events import AnalysisCompleted, AudioFailed, AudioReady, DocumentRegistered
from shared.domain.identifiers import SessionKey
from shared.domain.object_keys import event_archive_key, event_archive_prefix, is_archived_event, result_key
from shared.domain.subjects import PROGRESS_STREAM, STREAM, session_filter
from shared.messaging.bus import Bus
from shared.messaging.dead_letters import DeadLetters
from shared.storage.object_store import ObjectStore

_EVENT_CONTENT_TYPE = "application/cloudevents+json"


@dataclass(frozen=True, slots=True)
class EventStore:
    """Appends, archives, reads and deletes events; raises Unavailable while the bus or the store is not available."""

    bus: Bus
    store: ObjectStore
    catalog: Catalog

    @property
    def results(self) -> ResultStore:
        """The results of recordings, which the bucket holds before their events are appended."""
        return ResultStore(self.store)

    async def append(self, envelope: Envelope) -> bool:
        """Apply an event to the catalog, archive it, and publish it; returns False if the session is deleted.

        For a deleted session, whatever was written here is deleted again. Idempotent. Of a concurrent
        deletion, either it finds what was written here, or the last read of the catalog finds it.
        """
        try:
            await _gather_all(self.catalog.apply(envelope), self._archive(envelope))
            await self.bus.publish(envelope)
            await self.catalog.get(envelope.key)
        except SessionIsDeleted:
            await self.delete_session(envelope.key, None)
            return False
        return True

    async def append_publish_first(
        self, envelope: Envelope, *, archive: bool = True, known_entry: CatalogEntry | None = None
    ) -> bool:
        """Like append, but publish first and archive in the bucket last, so that listeners do not wait for the bucket.

        If archiving fails, the event counts as published: raises Unavailable, and the caller must not append another
        one instead. Without `archive` the event is not archived. `known_entry` is the catalog's entry as it was read.
        """
        try:
            await self.catalog.apply(envelope, known_entry)
            await self.bus.publish(envelope)
            if archive:
                await self._archive(envelope)
            await self.catalog.get(envelope.key)
        except SessionIsDeleted:
            await self.delete_session(envelope.key, None)
            return False
        return True

    async def is_deleted(self, key: SessionKey) -> bool:
        """Whether a session was deleted."""
        try:
            await self.catalog.get(key)
        except SessionIsDeleted:
            return True
        return False

    async def delete_session(self, key: SessionKey, record: CatalogRecord | None) -> list[str]:
        """Delete a session's record, index entry, result, archived and published events and dead letters; idempotent.

        The spool and the recording itself are not touched. Returns the keys of the deleted objects.
        """
        await self.catalog.delete(key, record)  # first: its tombstone stops concurrent writers
        deleted = [name async for name in self.store.list_keys(event_archive_prefix(key))]
        if await self.results.exists(key):
            deleted.append(result_key(key))
        for name in deleted:
            await self.store.delete(name)
        try:
            for stream in (STREAM, PROGRESS_STREAM):
                await self.bus.jetstream.purge_stream(stream, subject=session_filter(key))
        except (NatsError, TimeoutError) as exc:
            raise Unavailable("The bus did not forget the session's events.", code="bus_unavailable") from exc
        await DeadLetters(self.bus).purge_session(key)
        return deleted

    async def archived_keys(self) -> AsyncGenerator[str, None]:
        """Yield the object keys of all archived events of every session, in the store's order."""
        async for name in self.store.list_keys(event_archive_prefix()):
            if is_archived_event(name):
                yield name

    async def read_archived(self, name: str) -> Envelope:
        """Read the archived event under this object key; raises UndecodableEventError if it is not an event."""
        return decode(b"".join([piece async for piece in self.store.read(name)]))

    async def _archive(self, envelope: Envelope) -> None:
        if not _is_archived(envelope):
            return
        key = event_archive_key(envelope.key, envelope.event.NAME)
        await self.store.put(key, encode(envelope), content_type=_EVENT_CONTENT_TYPE, metadata={})
        await self.store.sync(key)  # the spool's chunks are deleted next: a rebuilt catalog must find this


async def _gather_all(*work: Awaitable[object]) -> None:
    """Run all concurrently, wait until each is done or has failed, and then raise the first failure."""
    # None may still be writing when a deletion follows.
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


def _is_archived(envelope: Envelope) -> bool:
    """Whether an event is about something in the bucket; other failures may come from the bucket itself."""
    match envelope.event:
        case AudioReady() | AnalysisCompleted() | DocumentRegistered():
            return True
        case AudioFailed(original=original):
            return original is not None
        case _:
            return False


def open_event_store(bus: Bus, store: ObjectStore, *, replicas: int) -> EventStore:
    """Return an event store whose catalog has `replicas` copies; nothing is sent before the first call."""
    return EventStore(bus, store, Catalog(bus, replicas=replicas))
