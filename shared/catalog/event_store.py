"""Where what became of a recording is written: in the bucket and the catalog, and then on the stream.

The bucket keeps the events that matter beside the recording itself, so that the catalog can be rebuilt
from it.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from dataclasses import dataclass

from nats.errors import Error as NatsError

from shared.catalog.catalog import Catalog, CatalogEntry, SessionIsDeleted
from shared.catalog.record import CatalogRecord
from shared.domain.envelope import Envelope, decode, encode
from shared.domain.errors import Unavailable
from shared.domain.events import AnalysisCompleted, AudioFailed, AudioReady, DocumentRegistered
from shared.domain.identifiers import SessionKey
from shared.domain.object_keys import event_archive_key, event_archive_prefix
from shared.domain.subjects import STREAM, session_filter
from shared.messaging.bus import Bus
from shared.messaging.dead_letters import DeadLetters
from shared.storage.object_store import ObjectStore

_EVENT_TYPE = "application/cloudevents+json"


@dataclass(frozen=True, slots=True)
class EventStore:
    """Tells events so that they are found again; every method raises Unavailable when the bus or the store is away."""

    bus: Bus
    store: ObjectStore
    catalog: Catalog

    async def append(self, envelope: Envelope) -> bool:
        """Keep, catalogue and publish an event; returns False for a deleted session, of which nothing is left then.

        May run twice. A deletion that comes while this runs either sees what was written here or is seen here.
        """
        try:
            await _gather_all(self.catalog.apply(envelope), self._archive(envelope))
            await self.bus.publish(envelope)
            await self.catalog.get(envelope.key)
        except SessionIsDeleted:
            await self.erase(envelope.key, None)
            return False
        return True

    async def append_publish_first(
        self, envelope: Envelope, *, archive: bool = True, known_entry: CatalogEntry | None = None
    ) -> bool:
        """Tell an event as `tell` does, but keep it in the bucket last: nobody who listens waits for that.

        Where keeping fails, the event stands all the same: raises Unavailable, and must not be followed by another.
        Without `keep` it is only told. `seen` is what the catalog had when it was last looked at.
        """
        try:
            await self.catalog.apply(envelope, known_entry)
            await self.bus.publish(envelope)
            if archive:
                await self._archive(envelope)
            await self.catalog.get(envelope.key)
        except SessionIsDeleted:
            await self.erase(envelope.key, None)
            return False
        return True

    async def is_deleted(self, key: SessionKey) -> bool:
        """Whether a session was deleted."""
        try:
            await self.catalog.get(key)
        except SessionIsDeleted:
            return True
        return False

    async def erase(self, key: SessionKey, record: CatalogRecord | None) -> list[str]:
        """Forget a session everywhere but in the spool: kept events, record, index, stream, dead letters.

        Its marker in the catalog comes first, so that nobody writes behind our back. Again is fine. Returns the keys of
        the objects.
        """
        await self.catalog.delete(key, record)
        erased = [name async for name in self.store.list_keys(event_archive_prefix(key))]
        for name in erased:
            await self.store.delete(name)
        try:
            await self.bus.jetstream.purge_stream(STREAM, subject=session_filter(key))
        except (NatsError, TimeoutError) as exc:
            raise Unavailable("The bus did not forget the session's events.", code="bus_unavailable") from exc
        await DeadLetters(self.bus).purge_session(key)
        return erased

    async def archived_keys(self) -> AsyncGenerator[str, None]:
        """Yield the keys of all kept events of every session, in the store's order."""
        async for name in self.store.list_keys(event_archive_prefix()):
            yield name

    async def read_archived(self, name: str) -> Envelope:
        """Read one kept event; raises UndecodableEventError for what is none."""
        return decode(b"".join([piece async for piece in self.store.read(name)]))

    async def _archive(self, envelope: Envelope) -> None:
        if not _is_archived(envelope):
            return
        key = event_archive_key(envelope.key, envelope.event.NAME)
        await self.store.put(key, encode(envelope), content_type=_EVENT_TYPE, metadata={})
        await self.store.sync(key)  # the spool is erased next: a rebuilt catalog must find this


async def _gather_all(*works: Awaitable[object]) -> None:
    """Do all at once, and have all done or failed behind it: nothing may write on while it is erased."""
    for outcome in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


def _is_archived(envelope: Envelope) -> bool:
    """Whether an event says something of what is in the bucket; a failure may be for want of the bucket itself."""
    match envelope.event:
        case AudioReady() | AnalysisCompleted() | DocumentRegistered():
            return True
        case AudioFailed(original=original):
            return original is not None
        case _:
            return False


def open_event_store(bus: Bus, store: ObjectStore, *, replicas: int) -> EventStore:
    """Return a chronicle whose catalog keeps `replicas` copies; nothing is sent before the first call."""
    return EventStore(bus, store, Catalog(bus, replicas=replicas))
