"""A deletion that meets an event on its way: whichever comes first, nothing of the session is left."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace

import pytest

from shared.catalog.catalog import Catalog, CatalogEntry, SessionIsDeleted
from shared.catalog.event_store import EventStore
from shared.catalog.record import CatalogRecord
from shared.domain.envelope import Envelope, make_envelope
from shared.domain.events import AnalysisCompleted
from shared.domain.identifiers import SessionKey
from shared.domain.object_keys import event_archive_prefix
from shared.domain.subjects import STREAM, session_filter
from shared.messaging.bus import Bus
from shared.observability.trace import new_trace
from shared.storage.object_store import ObjectStore, open_store
from shared.storage.settings import StoreConfig

SCORE = AnalysisCompleted(
    temperature=50, confidence=1, analysis_summary="", timestamp="", scorer="test", transcriber="test"
)


class DeletingCatalog(Catalog):
    """A catalog in which a session is deleted right after an event was applied to it."""

    async def apply(self, envelope: Envelope, known_entry: CatalogEntry | None = None) -> CatalogRecord:
        record = await super().apply(envelope, known_entry)
        await self.delete(envelope.key, record)
        return record


class OrderedCatalog(Catalog):
    """A catalog that writes down when a session is deleted in it."""

    steps: list[str]

    async def delete(self, key: SessionKey, record: CatalogRecord | None) -> None:
        self.steps.append("deleted")
        await super().delete(key, record)


class SlowArchive(ObjectStore):
    """A store that lets everything else that is ready go first, before it takes an object."""

    steps: list[str]
    catalog: Catalog
    key: SessionKey

    async def put(self, key: str, body: bytes, *, content_type: str, metadata: Mapping[str, str]) -> None:
        with pytest.raises(SessionIsDeleted):  # as long as the other half of the append takes, and a little longer
            await self.catalog.get(self.key)
        await self.catalog.list_call_recordings(self.key.tenant, "none")
        await super().put(key, body, content_type=content_type, metadata=metadata)
        self.steps.append("archived")


class LateEventStore(ObjectStore):
    """A store in which an event of the session comes the moment a deletion looks for archived ones."""

    late: Envelope
    event_store: EventStore
    appended: bool | None = None

    async def list_keys(self, prefix: str) -> AsyncGenerator[str, None]:
        if self.appended is None:
            self.appended = False
            self.appended = await self.event_store.append(self.late)
        async for name in super().list_keys(prefix):
            yield name


async def left_of(bus: Bus, store: ObjectStore, key: SessionKey) -> list[str]:
    """Return what the stream and the bucket have of a session."""
    about = await bus.jetstream.stream_info(STREAM, subjects_filter=session_filter(key))
    return [*(about.state.subjects or {}), *[name async for name in store.list_keys(event_archive_prefix(key))]]


def score_of(session: str) -> Envelope:
    return make_envelope("analyzer", SessionKey("default", session), SCORE, cause="x", trace=new_trace())


@pytest.mark.parametrize("publish_first", [False, True])
async def test_of_a_session_that_is_deleted_while_an_event_is_appended_nothing_is_left(
    bus: Bus,
    store: ObjectStore,
    publish_first: bool,  # noqa: FBT001  # a case
) -> None:
    score = score_of(f"deleted-meanwhile-{publish_first}")
    events = EventStore(bus, store, DeletingCatalog(bus, replicas=1))
    append = events.append_publish_first if publish_first else events.append
    assert not await append(score)
    assert await left_of(bus, store, score.key) == []
    assert await events.is_deleted(score.key)


async def test_an_event_that_comes_in_the_middle_of_a_deletion_leaves_nothing(
    bus: Bus, store: ObjectStore, store_config: StoreConfig
) -> None:
    score = score_of("late-event")
    async with open_store(store_config) as opened:
        late = LateEventStore(opened._client, store_config)
        late.late, late.event_store = score, EventStore(bus, store, Catalog(bus, replicas=1))
        await late.event_store.append(replace(score, id="an earlier one"))
        await EventStore(bus, late, Catalog(bus, replicas=1)).delete_session(score.key, None)
    assert late.appended is False
    assert await left_of(bus, store, score.key) == []


async def test_what_is_still_being_archived_of_a_deleted_session_is_waited_for_before_it_is_erased(
    bus: Bus, store: ObjectStore, store_config: StoreConfig
) -> None:
    score = score_of("slow-archive")
    steps: list[str] = []
    catalog = OrderedCatalog(bus, replicas=1)
    catalog.steps = []
    await catalog.delete(score.key, None)
    catalog.steps = steps
    async with open_store(store_config) as opened:
        slow = SlowArchive(opened._client, store_config)
        slow.steps, slow.catalog, slow.key = steps, catalog, score.key
        assert not await EventStore(bus, slow, catalog).append(score)
    assert steps == ["archived", "deleted"]
    assert await left_of(bus, store, score.key) == []
