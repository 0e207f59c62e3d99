"""The lifespan state of the call recordings' handlers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypedDict

from services.ingest.call_recordings.chunk_requests import RecordingLimits
from services.ingest.call_recordings.playback import Playback
from services.ingest.call_recordings.stored_recordings import StoredRecordings
from services.ingest.call_recordings.uploads import RecordingUploads
from services.ingest.intake.chunk_intake import ChunkIntake
from shared.domain.errors import Unavailable


class MemoryBudget:
    """Memory of `size` bytes that requests share; one that finds too little left fails at once instead of waiting."""

    def __init__(self, size: int) -> None:
        self._left = size

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Hold `size` bytes inside the block; raises Unavailable when they are not there."""
        if size > self._left:
            raise Unavailable("Too many large JSON documents at once: send this one again, or the chunk in a form.")
        self._left -= size
        try:
            yield
        finally:
            self._left += size


class CallRecordingsState(TypedDict):
    """What the handlers use.

    `advised_chunk_size` in bytes is what clients are told to send; `json_memory` is shared by JSON bodies, which are
    held whole.
    """

    recording_uploads: RecordingUploads
    intake: ChunkIntake
    recording_limits: RecordingLimits
    advised_chunk_size: int
    json_memory: MemoryBudget
    stored_recordings: StoredRecordings
    playback: Playback
