"""The lifespan state of the call recordings' handlers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypedDict

from services.ingest.call_recordings.chunk_requests import RecordingLimits
from services.ingest.call_recordings.stored_recordings import StoredRecordings
from services.ingest.call_recordings.uploads import RecordingUploads
from services.ingest.intake.chunk_intake import ChunkIntake
from services.ingest.playback.object_playback import Playback
from shared.domain.errors import Unavailable


class MemoryBudget:
    """Memory of `size` bytes that requests share; a request for more than is left is rejected at once."""

    def __init__(self, size: int) -> None:
        self._left = size

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Reserve `size` bytes for as long as the block lasts; raises Unavailable if less is left."""
        if size > self._left:
            raise Unavailable("Too many large JSON documents at once: send this one again, or the chunk in a form.")
        self._left -= size
        try:
            yield
        finally:
            self._left += size


class CallRecordingsState(TypedDict):
    """What the handlers use.

    `advised_chunk_size` in bytes is advice to clients; `json_memory` is shared by the JSON bodies, which are read into
    memory as a whole.
    """

    recording_uploads: RecordingUploads
    intake: ChunkIntake
    recording_limits: RecordingLimits
    advised_chunk_size: int
    json_memory: MemoryBudget
    stored_recordings: StoredRecordings
    playback: Playback
