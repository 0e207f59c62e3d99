"""What the routes of leads' recordings call, put together of what the other families share."""

from dataclasses import dataclass

from services.ingest.finalize import Finalizer
from services.ingest.incoming_recording import RecordingLimits
from services.ingest.memory_budget import MemoryBudget
from services.ingest.openings import Openings
from services.ingest.path_claims import PathClaims
from services.ingest.playback import Playback
from services.ingest.receive import ChunkReceiver
from services.ingest.recording_posts import RecordingPosts
from services.ingest.recording_requests import largest_json
from services.ingest.recording_uploads import RecordingUploads
from services.ingest.settings import IngestSettings
from services.ingest.stored_recordings import StoredRecordings
from shared.catalog import Catalog
from shared.objects import ObjectStore

_JSON_BYTES = 128 * 1024 * 1024  # of documents at once; read and decoded they take about three times as much


@dataclass(frozen=True, slots=True)
class RecordingCases:
    """One use case a member."""

    posts: RecordingPosts
    stored: StoredRecordings
    playback: Playback


def create_recording_cases(
    settings: IngestSettings,
    *,
    receiver: ChunkReceiver,
    openings: Openings,
    finalizer: Finalizer,
    catalog: Catalog,
    store: ObjectStore,
) -> RecordingCases:
    """Return the use cases; they open nothing of their own."""
    uploads = RecordingUploads(
        openings=openings,
        finalizer=finalizer,
        claims=PathClaims(finalizer.spool.claims),
        spool=finalizer.spool,
        executor=finalizer.executor,
        folder=settings.recordings_path,
    )
    limits = RecordingLimits(settings.max_chunk_size, settings.max_session_size, settings.body_idle_seconds)
    return RecordingCases(
        posts=RecordingPosts(
            uploads=uploads,
            receiver=receiver,
            limits=limits,
            chunk_size=min(settings.chunk_size, settings.max_chunk_size),
            budget=MemoryBudget(max(_JSON_BYTES, largest_json(limits.chunk))),
        ),
        stored=StoredRecordings(catalog),
        playback=Playback(store),
    )
