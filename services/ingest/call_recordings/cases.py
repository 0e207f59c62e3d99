"""What the routes of leads' recordings call, put together of what the other families share."""

from dataclasses import dataclass

from services.ingest.call_recordings.chunk_requests import RecordingLimits
from services.ingest.call_recordings.json_requests import largest_json
from services.ingest.call_recordings.playback import Playback
from services.ingest.call_recordings.stored_recordings import StoredRecordings
from services.ingest.call_recordings.upload_handler import MemoryBudget, RecordingUploadHandler
from services.ingest.call_recordings.uploads import RecordingUploads
from services.ingest.finalization.finalizer import Finalizer
from services.ingest.intake.admission import Admission
from services.ingest.intake.chunk_intake import ChunkIntake
from services.ingest.session_state.opened_sessions import OpenedSessions
from services.ingest.session_state.path_claims import ObjectPathClaims
from shared.catalog.catalog import Catalog
from shared.storage.object_store import ObjectStore

_JSON_BYTES = 128 * 1024 * 1024  # of documents at once; read and decoded they take about three times as much


@dataclass(frozen=True, slots=True)
class RecordingCases:
    """One use case a member."""

    posts: RecordingUploadHandler
    stored: StoredRecordings
    playback: Playback


def create_recording_cases(
    limits: RecordingLimits,
    *,
    folder: str,
    advised_chunk: int,
    admission: Admission,
    receiver: ChunkIntake,
    openings: OpenedSessions,
    finalizer: Finalizer,
    catalog: Catalog,
    store: ObjectStore,
) -> RecordingCases:
    """Return the use cases, which open nothing of their own.

    `folder` is where recordings lie in a tenant's part of the bucket, `advised_chunk` what clients are told in bytes.
    """
    uploads = RecordingUploads(
        opened_sessions=openings,
        finalizer=finalizer,
        claims=ObjectPathClaims(finalizer.spool.claims),
        spool=finalizer.spool,
        executor=finalizer.executor,
        folder=folder,
    )
    return RecordingCases(
        posts=RecordingUploadHandler(
            uploads=uploads,
            admission=admission,
            receiver=receiver,
            limits=limits,
            chunk_size=min(advised_chunk, limits.chunk),
            budget=MemoryBudget(max(_JSON_BYTES, largest_json(limits.chunk))),
        ),
        stored=StoredRecordings(catalog),
        playback=Playback(store),
    )
