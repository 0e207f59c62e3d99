"""Puts recordings into the bucket and the catalog without sending them through ingest."""

import hashlib
import uuid

from shared.catalog.event_store import open_event_store
from shared.domain.clock import now, rfc3339
from shared.domain.envelope import make_envelope
from shared.domain.events import AudioFailed, Event, StoredOriginal, UploadSummary
from shared.domain.identifiers import SessionKey
from shared.domain.object_keys import tenant_key
from shared.domain.upload_kind import LeadRecording
from shared.messaging.bus import open_bus
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from shared.observability.trace import current_trace
from shared.storage.object_store import open_store
from shared.storage.settings import StoreConfig


async def stored_recording(nats_url: str, config: StoreConfig, lead: str, call: str, content: bytes) -> str:
    """Put a recording under `recordings/<call>_1.aac` and append its event; returns the call."""
    async with open_store(config) as store:
        await store.put(path_of(call), content, content_type="audio/aac", metadata={})
    await append_recording(nats_url, config, lead, call, size=len(content), sha256=hashlib.sha256(content).hexdigest())
    return call


def path_of(call: str) -> str:
    """Return a stored recording's path in the bucket."""
    return f"recordings/{call}_1.aac"


async def append_recording(
    nats_url: str, config: StoreConfig, lead: str, call: str, *, size: int, sha256: str, tenant: str = "default"
) -> str:
    """Append the event of a recording that is in the bucket, or will be; returns its session."""
    session = uuid.uuid4().hex
    original = StoredOriginal(
        url="https://bucket.example/x",
        object_key=tenant_key(tenant, path_of(call)),
        filename="call.aac",
        content_type="audio/aac",
        size_bytes=size,
        sha256=sha256,
    )
    recording = LeadRecording(lead=lead, call_log=call, filename="call.aac")
    intake = UploadSummary(opened_at=rfc3339(now()), chunks=1, bytes=size, purpose=recording)
    ended = AudioFailed(code="x", reason="x", manifest_sha256="0" * 64, original=original, intake=intake)
    await append_event(nats_url, config, session, ended, tenant=tenant)
    return session


async def append_event(
    nats_url: str, config: StoreConfig, session: str, event: Event, *, tenant: str = "default", lead: str | None = None
) -> None:
    """Append an event to the event store, as the assembler and the analyzer do."""
    envelope = make_envelope("test", SessionKey(tenant, session), event, cause="x", trace=current_trace(), lead=lead)
    async with (
        open_bus(BusConfig(url=nats_url), service="test", metrics=Metrics()) as bus,
        open_store(config) as store,
    ):
        await bus.wait_ready()
        assert await open_event_store(bus, store, replicas=1).append(envelope)
