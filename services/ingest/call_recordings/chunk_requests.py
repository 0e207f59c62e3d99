"""Chunks of a lead's recording on their way in: out of JSON, or out of a form that may also hold all of it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.requests import Request

from services.ingest.api.chunk_form import ChunkForm
from services.ingest.api.filenames import check_content_matches_name
from services.ingest.call_recordings.ids import call_log_id
from services.ingest.call_recordings.json_requests import too_large_chunk
from services.ingest.call_recordings.uploads import LeadRef, RecordingUpload, RecordingUploads, recording_name
from services.ingest.intake.chunk_store import ChunkTarget
from shared.audio.sniff import SIGNATURE_BYTES
from shared.domain.errors import InvalidInput
from shared.domain.identifiers import SessionKey, parse_chunk_index
from shared.http.body import BodyLimits, is_small_immediate_body

FILE_FIELD = "file"
CHUNK_FIELD = "chunk"
APPEND = "append"


@dataclass(frozen=True, slots=True)
class RecordingLimits:
    """What one chunk may take, `of_chunk`, and in the same patience what a whole recording may have, in bytes."""

    of_chunk: BodyLimits
    recording: int

    @property
    def chunk(self) -> int:
        """How many bytes a chunk may have."""
        return self.of_chunk.size

    @property
    def of_recording(self) -> BodyLimits:
        """What a whole recording may take."""
        return self.of_chunk.with_size(self.recording)


@dataclass(frozen=True, slots=True)
class JsonChunk:
    """A chunk that is in memory already, of an upload that was found."""

    upload: RecordingUpload
    index: int
    content: bytes

    @property
    def session_key(self) -> SessionKey:
        """The upload's session."""
        return self.upload.key

    @property
    def declared_size(self) -> int:
        """Its size in bytes."""
        return len(self.content)

    @property
    def immediate(self) -> bool:
        """It is here already."""
        return True

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield it whole; raises InvalidInput for a beginning that is not what the upload's name says."""
        check_first_chunk(self.upload, self.index, self.content)
        yield self.content

    async def place(self) -> ChunkTarget:
        """Say where it goes."""
        return ChunkTarget(self.upload.key, self.index, has_metadata=True)


def check_first_chunk(upload: RecordingUpload, index: int, chunk: bytes) -> None:
    """Raise InvalidInput for a first chunk, if it is long enough to tell, that is not what the upload's name says."""
    if index == 0 and len(chunk) >= SIGNATURE_BYTES:
        check_content_matches_name(upload.recording.filename, chunk[:SIGNATURE_BYTES])


class RecordingForm:
    """A form with one file in it, a whole recording or one chunk of an upload: all its fields together tell which.

    Once `place` has returned, `upload` is there, and `whole` says which of the two it was.
    """

    session_key = None
    declared_size = 0

    def __init__(
        self, request: Request, boundary: str, lead: LeadRef, limits: RecordingLimits, uploads: RecordingUploads
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
        self._looked = False
        self.upload: RecordingUpload | None = None
        self.whole = False

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the file's bytes as they come, refused as soon as the fields before them and their beginning allow."""
        async for piece in self._form.pieces():
            self._size += len(piece)
            if len(self._head) < SIGNATURE_BYTES:
                self._head += piece[: SIGNATURE_BYTES - len(self._head)]
            self._refuse_early()
            yield piece
        if self._size == 0:
            raise InvalidInput("The file is empty: send at least one byte.", code="empty_chunk")

    async def place(self) -> ChunkTarget:
        """Say where the bytes go, now that all fields are known; opens an upload for a whole recording."""
        match self._form.fields.get("action"):
            case None:
                return await self._place_whole()
            case "append":
                return await self._place_chunk()
            case "init" | "finalize":
                raise InvalidInput("Send this action as application/json.", code="unknown_action")
            case _:
                raise InvalidInput("action must be append in a form, or left out.", code="unknown_action")

    async def _place_whole(self) -> ChunkTarget:
        call_log, filename = self._call_log_and_name()
        check_content_matches_name(filename, self._head)
        self.upload, self.whole = await self._uploads.open(self._lead, call_log, filename), True
        return ChunkTarget(self.upload.key, 0, has_metadata=True)

    async def _place_chunk(self) -> ChunkTarget:
        self._refuse_large_chunk()
        index = parse_chunk_index(self._field("chunk_index"))
        self.upload = await self._uploads.find(self._lead, self._field("upload_id"))
        check_first_chunk(self.upload, index, self._head)
        return ChunkTarget(self.upload.key, index, has_metadata=True)

    def _refuse_early(self) -> None:
        """Refuse what can't become good by the fields that come after the file."""
        fields = self._form.fields
        if fields.get("action") == APPEND:
            self._refuse_large_chunk()
        elif (
            "call_log_id" in fields
            and "action" not in fields
            and not self._looked
            and len(self._head) >= SIGNATURE_BYTES
        ):
            self._looked = True
            _, filename = self._call_log_and_name()
            check_content_matches_name(filename, self._head)

    def _call_log_and_name(self) -> tuple[str, str]:
        return call_log_id(self._field("call_log_id")), recording_name(self._form.filename)

    def _refuse_large_chunk(self) -> None:
        if self._size > self._limits.chunk:
            raise too_large_chunk(self._limits.chunk)

    def _field(self, name: str) -> str:
        value = self._form.fields.get(name)
        if value is None:
            raise InvalidInput(f"The form has no field {name!r}.", code="missing_field")
        return value
