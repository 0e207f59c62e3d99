"""Parses the form of an indexed upload's chunk: rejected as early as its fields allow, its bytes as a stream."""

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request

from services.ingest.api.chunk_form import ChunkForm
from services.ingest.intake.chunk_store import ChunkTarget
from services.ingest.session_state.opened_sessions import OpenedSessions
from shared.domain.errors import InvalidInput, Unsupported
from shared.domain.identifiers import SessionKey, parse_chunk_index, parse_identifier
from shared.domain.upload_kind import IndexedUpload
from shared.http.body import BodyLimits, is_small_immediate_body, reject_encoded_body
from shared.http.multipart import boundary_of

FILE_FIELD = "chunk"
INDEX_FIELD = "chunk_index"
SESSION_FIELD = "upload_session_id"


class UploadChunkRequest:
    """A form with one chunk of an upload of `tenant`; what is wrong in its head is rejected at once."""

    def __init__(self, request: Request[Any], tenant: str, opened_sessions: OpenedSessions, limits: BodyLimits) -> None:
        reject_encoded_body(request)
        self.immediate = is_small_immediate_body(request)
        boundary = boundary_of(request.headers.get("content-type", ""))
        if boundary is None:
            raise Unsupported(f"Send multipart/form-data with a file field {FILE_FIELD!r}.", code="bad_content_type")
        self._form = ChunkForm(
            request,
            limits,
            boundary=boundary,
            file_field=FILE_FIELD,
            too_large=f"A chunk may have at most {limits.size} bytes: send smaller chunks.",
        )
        self._tenant = tenant
        self._opened_sessions = opened_sessions
        self._key: SessionKey | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the chunk's bytes as they arrive; of an empty chunk none, and it takes its index all the same.

        Raises what `ChunkForm.pieces` raises, and what `target` raises for fields in front of the file.
        """
        empty = True
        async for piece in self._form.pieces():
            if empty:
                empty = False
                await self._check_fields_so_far()
            yield piece

    async def target(self) -> ChunkTarget:
        """Return where the chunk goes, once all fields are known; raises InvalidInput and NotFound."""
        key = self._key or await self._find(self._required(SESSION_FIELD))
        return ChunkTarget(key, parse_chunk_index(self._required(INDEX_FIELD)), has_metadata=True)

    async def _check_fields_so_far(self) -> None:
        fields = self._form.fields
        if INDEX_FIELD in fields:
            parse_chunk_index(fields[INDEX_FIELD])
        if SESSION_FIELD in fields:
            self._key = await self._find(fields[SESSION_FIELD])

    async def _find(self, session: str) -> SessionKey:
        key, _ = await self._opened_sessions.find(self._tenant, parse_identifier(session, SESSION_FIELD), IndexedUpload)
        return key

    def _required(self, name: str) -> str:
        value = self._form.fields.get(name)
        if value is None:
            raise InvalidInput(f"The form has no field {name!r}.", code=f"missing_{name}")
        return value
