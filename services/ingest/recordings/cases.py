"""What the routes of leads' recordings call, put together of what the other families share."""

from dataclasses import dataclass

from services.ingest.intake.admission import Admission
from services.ingest.intake.finalize import Finalizer
from services.ingest.intake.openings import Openings
from services.ingest.intake.receive import ChunkReceiver
from services.ingest.recordings.incoming import RecordingLimits
from services.ingest.recordings.memory_budget import MemoryBudget
from services.ingest.recordings.path_claims import PathClaims
from services.ingest.recordings.playback import Playback
from services.ingest.recordings.posts import RecordingPosts
from services.ingest.recordings.requests import largest_json
from services.ingest.recordings.stored import StoredRecordings
from services.ingest.recordings.uploads import RecordingUploads
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
    limits: RecordingLimits,
    *,
    folder: str,
    advised_chunk: int,
    admission: Admission,
    receiver: ChunkReceiver,
    openings: Openings,
    finalizer: Finalizer,
    catalog: Catalog,
    store: ObjectStore,
) -> RecordingCases:
    """Return the use cases, which open nothing of their own.

    `folder` is where recordings lie in a tenant's part of the bucket, `advised_chunk` what clients are told in bytes.
    """
    uploads = RecordingUploads(
        openings=openings,
        finalizer=finalizer,
        claims=PathClaims(finalizer.spool.claims),
        spool=finalizer.spool,
        executor=finalizer.executor,
        folder=folder,
    )
    return RecordingCases(
        posts=RecordingPosts(
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
