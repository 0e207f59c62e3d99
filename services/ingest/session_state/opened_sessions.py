"""Sessions that are opened with an upload kind before their first chunk, under an id that the server generates."""

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

KindT = TypeVar("KindT", IndexedUpload, LeadRecording)


@dataclass(frozen=True, slots=True)
class OpenedSessions:
    """Creates sessions durably, and reads their upload kind."""

    spool: Spool
    executor: Executor
    bus: Bus

    async def create(self, tenant: str, kind: IndexedUpload | LeadRecording) -> SessionKey:
        """Create a session of this upload kind; durable on return. Raises OSError."""
        key = SessionKey(tenant, uuid.uuid4().hex)
        metadata = SessionMetadata(purpose=kind, opened_at=rfc3339(now()))
        await asyncio.get_running_loop().run_in_executor(self.executor, self.spool.create_session, key, metadata)
        await self.bus.publish_nowait(
            make_envelope("ingest", key, SessionOpened(), cause="", trace=current_trace(), lead=lead_of(kind))
        )
        return key

    async def lead_of_session(self, key: SessionKey) -> str | None:
        """Return the lead that a session belongs to; None for a session without a lead or without metadata."""
        read = self.spool.session(key).read_metadata
        metadata = await asyncio.get_running_loop().run_in_executor(self.executor, read)
        return lead_of(metadata.purpose if metadata else None)

    async def find(self, tenant: str, session: str, kind: type[KindT]) -> tuple[SessionKey, KindT]:
        """Return an opened session's key and upload kind.

        Raises InvalidInput for a malformed id, and NotFound unless the tenant has a session of this kind by that id.
        """
        key = SessionKey(tenant, parse_identifier(session, "upload_id"))
        directory = self.spool.session(key)
        metadata = await asyncio.get_running_loop().run_in_executor(self.executor, directory.read_metadata)
        if metadata is None or not isinstance(metadata.purpose, kind):
            raise NotFound("There is no such upload: initialize one first.")
        return key, metadata.purpose
