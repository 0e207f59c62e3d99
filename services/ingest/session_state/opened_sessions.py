"""Sessions that are opened for a purpose before their first chunk: under an id of ours."""

import asyncio
import uuid
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

from shared.domain.clock import now, rfc3339
from shared.domain.envelope import make_envelope
from shared.domain.errors import NotFound
from shared.domain.events import SessionOpened
from shared.domain.identifiers import SessionKey, parse_identifier
from shared.domain.upload_kind import IndexedUpload, LeadRecording, lead_of
from shared.messaging.bus import Bus
from shared.observability.trace import current_trace
from shared.storage.session_directory import SessionMetadata
from shared.storage.spool import Spool

PurposeT = TypeVar("PurposeT", IndexedUpload, LeadRecording)


@dataclass(frozen=True, slots=True)
class OpenedSessions:
    """Opens sessions durably, and tells what one was opened for."""

    spool: Spool
    executor: Executor
    bus: Bus

    async def create(self, tenant: str, purpose: IndexedUpload | LeadRecording) -> SessionKey:
        """Open a session of its own for `purpose`; once this returns, a crash does not lose it. Raises OSError."""
        key = SessionKey(tenant, uuid.uuid4().hex)
        opening = SessionMetadata(purpose=purpose, opened_at=rfc3339(now()))
        await asyncio.get_running_loop().run_in_executor(self.executor, self.spool.create_session, key, opening)
        await self.bus.publish_nowait(
            make_envelope("ingest", key, SessionOpened(), cause="", trace=current_trace(), lead=lead_of(purpose))
        )
        return key

    async def lead_of_session(self, key: SessionKey) -> str | None:
        """Return which lead a session was opened for, None for one of none or that is not there."""
        read = self.spool.session(key).read_metadata
        opening = await asyncio.get_running_loop().run_in_executor(self.executor, read)
        return lead_of(opening.purpose if opening else None)

    async def find(self, tenant: str, session: str, kind: type[PurposeT]) -> tuple[SessionKey, PurposeT]:
        """Return an opened session's key and purpose.

        Raises InvalidInput for an id that can't be one, and NotFound for what is no such session of this tenant.
        """
        key = SessionKey(tenant, parse_identifier(session, "upload_id"))
        directory = self.spool.session(key)
        opening = await asyncio.get_running_loop().run_in_executor(self.executor, directory.read_metadata)
        if opening is None or not isinstance(opening.purpose, kind):
            raise NotFound("There is no such upload: initialize one first.")
        return key, opening.purpose
