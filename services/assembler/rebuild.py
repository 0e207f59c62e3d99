"""`python -m services.assembler rebuild-catalog`: the catalog again, from what the bucket holds."""

import asyncio
import hashlib
import re
from dataclasses import dataclass

import structlog

from services.assembler.settings import AssemblerSettings
from services.assembler.wav import HEADER_BYTES
from shared.audio.pcm import BYTES_PER_SECOND
from shared.bus import open_bus
from shared.catalog import Deleted
from shared.chronicle import Chronicle, open_chronicle
from shared.codec import Envelope, UndecodableEventError, envelope
from shared.events import AudioReady
from shared.identifiers import DEFAULT_TENANT
from shared.metrics import Metrics
from shared.object_names import wav_name
from shared.objects import open_store
from shared.subjects import SessionKey
from shared.trace import new_trace

log = structlog.stdlib.get_logger(__name__)

_WAV = re.compile(r"(?:([A-Za-z0-9_-]{1,128})/)?audio_([A-Za-z0-9_-]{1,128})\.wav")
_BUS_SECONDS = 30.0


@dataclass(slots=True)
class Summary:
    """What a rebuild found: kept events told again, recordings known from their WAV alone, and what stays gone."""

    events: int = 0
    bare_recordings: int = 0
    deleted: int = 0
    unreadable: int = 0


async def rebuild_catalog(settings: AssemblerSettings) -> Summary:
    """Fold every kept event into the catalog, and give a record to each WAV that has none.

    May run beside the services and more than once; what the catalog knows already stays, and what was deleted stays
    deleted. Raises Unavailable when the bus or the store is away, TimeoutError when the bus can't be reached.
    """
    async with (
        open_bus(settings.bus(), service="rebuild-catalog", metrics=Metrics()) as bus,
        open_store(settings.store()) as store,
    ):
        await asyncio.wait_for(bus.wait_ready(), _BUS_SECONDS)
        chronicle = open_chronicle(bus, store, replicas=settings.nats_replicas)
        summary = Summary()
        await _tell_again(chronicle, summary)
        await _adopt(chronicle, summary)
        return summary


async def _tell_again(chronicle: Chronicle, summary: Summary) -> None:
    async for name in chronicle.kept_keys():
        try:
            await chronicle.catalog.tell(await chronicle.kept(name))
            summary.events += 1
        except UndecodableEventError:
            log.error("a kept event can't be read", key=name)
            summary.unreadable += 1
        except Deleted:
            summary.deleted += 1


async def _adopt(chronicle: Chronicle, summary: Summary) -> None:
    async for name in chronicle.store.keys(""):
        match = _WAV.fullmatch(name)
        if match is None:
            continue
        key = SessionKey(match[1] or DEFAULT_TENANT, match[2])
        try:
            record = await chronicle.catalog.record(key)
            if record is None or record.ended is None:
                await chronicle.catalog.tell(await _as_found(chronicle, key, name))
                summary.bare_recordings += 1
        except Deleted:
            summary.deleted += 1


async def _as_found(chronicle: Chronicle, key: SessionKey, name: str) -> Envelope:
    """Describe a WAV of an older version, or one whose kept event is lost, by reading it."""
    digest = hashlib.sha256()
    size = 0
    async for piece in chronicle.store.read(name):
        digest.update(piece)
        size += len(piece)
    audio = AudioReady(
        url=chronicle.store.url(name),
        filename=wav_name(key),
        object_key=name,
        size_bytes=size,
        sha256=digest.hexdigest(),
        duration_seconds=max(0, size - HEADER_BYTES) / BYTES_PER_SECOND,
        manifest_sha256="",
    )
    return envelope("assembler", key, audio, cause=audio.sha256, trace=new_trace())
