"""`python -m services.assembler rebuild-catalog`: the catalog again, from what the bucket holds."""

import asyncio
import hashlib
import re
import sys
from dataclasses import dataclass

import structlog

from services.assembler.settings import AssemblerSettings
from shared.audio.pcm import BYTES_PER_SECOND
from shared.audio.wav import HEADER_BYTES
from shared.catalog.catalog import SessionIsDeleted
from shared.catalog.event_store import EventStore, open_event_store
from shared.domain.envelope import Envelope, UndecodableEventError, make_envelope
from shared.domain.errors import RoomtoneError
from shared.domain.events import AudioReady
from shared.domain.identifiers import DEFAULT_TENANT, SessionKey
from shared.domain.object_keys import wav_name
from shared.messaging.bus import open_bus
from shared.observability.logs import configure_logging
from shared.observability.metrics import Metrics
from shared.observability.trace import new_trace
from shared.storage.object_store import open_store

log = structlog.stdlib.get_logger(__name__)

_WAV = re.compile(r"(?:([A-Za-z0-9_-]{1,128})/)?audio_([A-Za-z0-9_-]{1,128})\.wav")
_BUS_SECONDS = 30.0


@dataclass(slots=True)
class RebuildSummary:
    """What a rebuild found: kept events told again, recordings known from their WAV alone, and what stays gone."""

    events: int = 0
    bare_recordings: int = 0
    deleted: int = 0
    unreadable: int = 0


async def rebuild_catalog(settings: AssemblerSettings) -> RebuildSummary:
    """Fold every kept event into the catalog, and give a record to each WAV that has none.

    May run beside the services and more than once; what the catalog knows already stays, and what was deleted stays
    deleted. Raises Unavailable when the bus or the store is away, TimeoutError when the bus can't be reached.
    """
    async with (
        open_bus(settings.bus_config(), service="rebuild-catalog", metrics=Metrics()) as bus,
        open_store(settings.store()) as store,
    ):
        await asyncio.wait_for(bus.wait_ready(), _BUS_SECONDS)
        chronicle = open_event_store(bus, store, replicas=settings.nats_replicas)
        summary = RebuildSummary()
        await _replay_archive(chronicle, summary)
        await _add_bare_recordings(chronicle, summary)
        return summary


async def _replay_archive(chronicle: EventStore, summary: RebuildSummary) -> None:
    async for name in chronicle.archived_keys():
        try:
            await chronicle.catalog.apply(await chronicle.read_archived(name))
            summary.events += 1
        except UndecodableEventError:
            log.error("a kept event can't be read", key=name)
            summary.unreadable += 1
        except SessionIsDeleted:
            summary.deleted += 1


async def _add_bare_recordings(chronicle: EventStore, summary: RebuildSummary) -> None:
    async for name in chronicle.store.list_keys(""):
        match = _WAV.fullmatch(name)
        if match is None:
            continue
        key = SessionKey(match[1] or DEFAULT_TENANT, match[2])
        try:
            record = await chronicle.catalog.get(key)
            if record is None or record.ended is None:
                await chronicle.catalog.apply(await _event_from_wav(chronicle, key, name))
                summary.bare_recordings += 1
        except SessionIsDeleted:
            summary.deleted += 1


async def _event_from_wav(chronicle: EventStore, key: SessionKey, name: str) -> Envelope:
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
    return make_envelope("assembler", key, audio, cause=audio.sha256, trace=new_trace())


def run_rebuild(settings: AssemblerSettings) -> int:
    """Rebuild the catalog and say what was found; returns the process's status."""
    configure_logging(level="warning", style=settings.log_format)
    try:
        found = asyncio.run(rebuild_catalog(settings))
    except TimeoutError:
        sys.stderr.write("rebuild-catalog: the bus can't be reached: check NATS_URL\n")
        return 1
    except RoomtoneError as exc:
        sys.stderr.write(f"rebuild-catalog: {exc.message} Run it again: what was done is kept.\n")
        return 1
    sys.stdout.write(
        f"rebuild-catalog: {found.events} kept events told again, {found.bare_recordings} recordings found without "
        f"any, {found.deleted} of deleted sessions passed over, {found.unreadable} unreadable\n"
    )
    return 1 if found.unreadable else 0
