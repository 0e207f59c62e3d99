"""Parses the form of a recording's upload: the whole recording, or one chunk of it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from services.ingest.api.chunk_form import ChunkForm
from services.ingest.api.filenames import check_content_matches_name
from services.ingest.call_recordings.ids import call_log_id
from services.ingest.call_recordings.json_requests import too_large_chunk
from services.ingest.call_recordings.uploads import LeadRef, RecordingUpload, RecordingUploads, recording_name
from services.ingest.intake.chunk_store import ChunkTarget
from shared.audio.sniff import SIGNATURE_BYTES
from shared.domain.errors import InvalidInput
from shared.domain.identifiers import parse_chunk_index
from shared.http.body import BodyLimits, is_small_immediate_body

FILE_FIELD = "file"
CHUNK_FIELD = "chunk"
APPEND = "append"


@dataclass(frozen=True, slots=True)
class RecordingLimits:
    """The limits of one chunk's body, and how many bytes a whole `recording` may have under the same timeouts."""

    of_chunk: BodyLimits
    recording: int

    @property
    def chunk(self) -> int:
        """The maximum size of a chunk in bytes."""
        return self.of_chunk.size

    @property
    def of_recording(self) -> BodyLimits:
        """The limits of a whole recording's body."""
        return self.of_chunk.with_size(self.recording)


def check_first_chunk(upload: RecordingUpload, index: int, chunk: bytes) -> None:
    """Raise InvalidInput for a first chunk of 4,096 bytes or more that does not match the upload's extension."""
    if index == 0 and len(chunk) >= SIGNATURE_BYTES:
        check_content_matches_name(upload.recording.filename, chunk[:SIGNATURE_BYTES])


@dataclass(frozen=True, slots=True)
class RecordingDestination:
    """Where the bytes of a form go: chunk `index` of `upload`; `whole` if they are all of the recording."""

    upload: RecordingUpload
    index: int
    whole: bool

    @property
    def target(self) -> ChunkTarget:
        """The chunk target of the bytes."""
        return ChunkTarget(self.upload.key, self.index, has_metadata=True)


class RecordingForm:
    """A form with one file, which is a whole recording or one chunk of an upload, depending on the fields."""

    def __init__(
        self,
        request: Request[Any],
        boundary: str,
        lead: LeadRef,
        limits: RecordingLimits,
        uploads: RecordingUploads,
    ) -> None:
        self.immediate = is_small_immediate_body(request)
        self._form = ChunkForm(
            request,
            limits.of_recording,
            boundary=boundary,
            file_field=FILE_FIELD,
            or_field=CHUNK_FIELD,
            too_large=f"A recording may have at most {limits.recording} bytes.",
        )
        self._lead = lead
        self._limits = limits
        self._uploads = uploads
        self._size = 0
        self._head = b""
        self._content_checked = False

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the file's bytes as they arrive, rejected as soon as the fields before them and their head allow."""
        async for piece in self._form.pieces():
            self._size += len(piece)
            if len(self._head) < SIGNATURE_BYTES:
                self._head += piece[: SIGNATURE_BYTES - len(self._head)]
            self._check_early()
            yield piece

    async def destination(self) -> RecordingDestination:
        """Return where the bytes go, once all fields are known; opens an upload for a whole recording."""
        match self._form.fields.get("action"):
            case None:
                return await self._whole_recording()
            case "append":
                return await self._chunk_of_upload()
            case "init" | "finalize":
                raise InvalidInput("Send this action as application/json.", code="unknown_action")
            case _:
                raise InvalidInput("action must be append in a form, or left out.", code="unknown_action")

    async def _whole_recording(self) -> RecordingDestination:
        if self._size == 0:
            raise InvalidInput("The file is empty: send at least one byte.", code="empty_chunk")
        call_log, filename = self._call_log_and_name()
        check_content_matches_name(filename, self._head)
        upload = await self._uploads.open(self._lead, call_log, filename)
        return RecordingDestination(upload, index=0, whole=True)

    async def _chunk_of_upload(self) -> RecordingDestination:
        self._check_chunk_size()
        index = parse_chunk_index(self._field("chunk_index"))
        upload = await self._uploads.find(self._lead, self._field("upload_id"))
        check_first_chunk(upload, index, self._head)
        return RecordingDestination(upload, index, whole=False)

    def _check_early(self) -> None:
        """Reject what no later field can correct."""
        fields = self._form.fields
        if fields.get("action") == APPEND:
            self._check_chunk_size()
        elif (
            "call_log_id" in fields
            and "action" not in fields
            and not self._content_checked
            and len(self._head) >= SIGNATURE_BYTES
        ):
            self._content_checked = True
            _, filename = self._call_log_and_name()
            check_content_matches_name(filename, self._head)

    def _call_log_and_name(self) -> tuple[str, str]:
        return call_log_id(self._field("call_log_id")), recording_name(self._form.filename)

    def _check_chunk_size(self) -> None:
        if self._size > self._limits.chunk:
            raise too_large_chunk(self._limits.chunk)

    def _field(self, name: str) -> str:
        value = self._form.fields.get(name)
        if value is None:
            raise InvalidInput(f"The form has no field {name!r}.", code="missing_field")
        return value
