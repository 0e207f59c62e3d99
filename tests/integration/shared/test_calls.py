"""The catalog's index of call recordings."""

import asyncio
import uuid

from shared.catalog.catalog import Catalog
from shared.domain.envelope import make_envelope
from shared.domain.events import AudioFailed, StoredOriginal, UploadSummary
from shared.domain.identifiers import SessionKey
from shared.domain.upload_kind import LeadRecording
from shared.messaging.bus import open_bus
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from shared.observability.trace import current_trace

OPENED = ("2025-01-27T12:34:56.001Z", "2025-01-27T12:34:57.000Z", "2025-01-27T12:34:56.002Z")


def stored(lead: str, call: str, opened_at: str) -> AudioFailed:
    original = StoredOriginal(url="x", object_key="x", filename="x", content_type="x", size_bytes=1, sha256="x")
    purpose = LeadRecording(lead=lead, call_log=call, filename="x")
    upload = UploadSummary(opened_at=opened_at, chunks=1, bytes=1, purpose=purpose)
    return AudioFailed(code="x", reason="x", manifest_sha256="x", original=original, intake=upload)


async def test_a_call_s_recordings_are_listed_completely_newest_first_and_without_the_deleted(nats_url: str) -> None:
    lead, call = uuid.uuid4().hex, str(uuid.uuid4())
    async with open_bus(BusConfig(url=nats_url), service="test", metrics=Metrics()) as bus:
        await bus.wait_ready()
        catalog = Catalog(bus, replicas=1)
        keys = [SessionKey("default", uuid.uuid4().hex) for _ in OPENED]
        for key, opened_at in zip(keys, OPENED, strict=True):
            envelope = make_envelope("test", key, stored(lead, call, opened_at), cause="x", trace=current_trace())
            record = await catalog.apply(envelope)
        newest_first = [keys[1].session, keys[2].session, keys[0].session]
        for _ in range(30):  # many at once: a message that overtakes another must not look like the end of the list
            lists = await asyncio.gather(*(catalog.list_call_recordings("default", lead, call) for _ in range(50)))
            assert all([found.session for found in calls] == newest_first for calls in lists)
        assert [found.call_log for found in await catalog.list_call_recordings("default", lead)] == [call] * 3
        assert await catalog.list_call_recordings("default", lead, str(uuid.uuid4())) == []
        assert await catalog.list_call_recordings("another", lead) == []
        await catalog.delete(keys[2], record)
        assert [found.session for found in await catalog.list_call_recordings("default", lead)] == [
            keys[1].session,
            keys[0].session,
        ]
