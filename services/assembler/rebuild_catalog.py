"""`python -m services.assembler rebuild-catalog`: rebuilds the catalog from the bucket.

It has archived events, and WAVs and results that lost theirs.
"""

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
from shared.domain.result import UnreadableResultError
from shared.domain.result_events import result_envelope
from shared.messaging.bus import open_bus
from shared.observability.logs import configure_logging
from shared.observability.metrics import Metrics
from shared.observability.trace import new_trace
from shared.storage.object_store import open_store

log = structlog.stdlib.get_logger(__name__)

_WAV = re.compile(r"(?:([A-Za-z0-9_-]{1,128})/)?audio_([A-Za-z0-9_-]{1,128})\.wav")
_RESULT = re.compile(r"(?:([A-Za-z0-9_-]{1,128})/)?analysis_([A-Za-z0-9_-]{1,128})\.json")
_BUS_SECONDS = 30.0


@dataclass(slots=True)
class RebuildSummary:
    """Counts of a rebuild: archived events applied, WAVs and results that had none, deleted, unreadable."""

    events: int = 0
    bare_recordings: int = 0
    bare_results: int = 0
    deleted: int = 0
    unreadable: int = 0


async def rebuild_catalog(settings: AssemblerSettings) -> RebuildSummary:
    """Apply every archived event to the catalog, and describe each WAV and each result that has none.

    May run beside the services and more than once; existing records stay, and deleted sessions stay deleted. Raises
    Unavailable when the bus or the store is away, TimeoutError when the bus can't be reached within 30 s.
    """
    async with (
        open_bus(settings.bus_config(), service="rebuild-catalog", metrics=Metrics()) as bus,
        open_store(settings.store()) as store,
    ):
        await asyncio.wait_for(bus.wait_ready(), _BUS_SECONDS)
        event_store = open_event_store(bus, store, replicas=settings.nats_replicas)
        summary = RebuildSummary()
        await _replay_archive(event_store, summary)
        await _add_bare_objects(event_store, summary)
        return summary


async def _replay_archive(event_store: EventStore, summary: RebuildSummary) -> None:
    async for name in event_store.archived_keys():
        try:
            await event_store.catalog.apply(await event_store.read_archived(name))
            summary.events += 1
        except UndecodableEventError:
            log.error("a kept event can't be read", key=name)
            summary.unreadable += 1
        except SessionIsDeleted:
            summary.deleted += 1


async def _add_bare_objects(event_store: EventStore, summary: RebuildSummary) -> None:
    async for name in event_store.store.list_keys(""):
        try:
            if match := _WAV.fullmatch(name):
                await _add_bare_recording(event_store, _key(match), name, summary)
            elif match := _RESULT.fullmatch(name):
                await _add_bare_result(event_store, _key(match), summary)
        except UnreadableResultError:
            log.error("a result can't be read", key=name)
            summary.unreadable += 1
        except SessionIsDeleted:
            summary.deleted += 1


def _key(match: re.Match[str]) -> SessionKey:
    return SessionKey(match[1] or DEFAULT_TENANT, match[2])


async def _add_bare_recording(event_store: EventStore, key: SessionKey, name: str, summary: RebuildSummary) -> None:
    record = await event_store.catalog.get(key)
    if record is None or record.ended is None:
        await event_store.catalog.apply(await _event_from_wav(event_store, key, name))
        summary.bare_recordings += 1


async def _add_bare_result(event_store: EventStore, key: SessionKey, summary: RebuildSummary) -> None:
    """Describe a result whose event is not archived: that of a failure never is, and a crash may have come between."""
    record = await event_store.catalog.get(key)
    if record is not None and record.analysis is not None and record.analysis.result is not None:
        return
    found = await event_store.results.get(key)
    if found is not None:
        await event_store.catalog.apply(result_envelope(found.result, found.stored, new_trace()))
        summary.bare_results += 1


async def _event_from_wav(event_store: EventStore, key: SessionKey, name: str) -> Envelope:
    """Read a WAV without an archived event (an older version's, or the event was lost) and describe it as an event."""
    digest = hashlib.sha256()
    size = 0
    async for piece in event_store.store.read(name):
        digest.update(piece)
        size += len(piece)
    audio = AudioReady(
        url=event_store.store.url(name),
        filename=wav_name(key),
        object_key=name,
        size_bytes=size,
        sha256=digest.hexdigest(),
        duration_seconds=max(0, size - HEADER_BYTES) / BYTES_PER_SECOND,
        manifest_sha256="",
    )
    return make_envelope("assembler", key, audio, cause=audio.sha256, trace=new_trace())


def run_rebuild(settings: AssemblerSettings) -> int:
    """Rebuild the catalog and print what was found; returns the exit status, 1 for any failure or unreadable event."""
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
        f"rebuild-catalog: {found.events} kept events told again, {found.bare_recordings} recordings and "
        f"{found.bare_results} results found without any, {found.deleted} of deleted sessions passed over, "
        f"{found.unreadable} unreadable\n"
    )
    return 1 if found.unreadable else 0
