"""What is stored of a lead's calls, as the catalog knows it: the newest recording of each call."""

import asyncio
import base64
import binascii
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from services.ingest.call_recordings.uploads import LeadRef
from shared.catalog.catalog import CallRecording, Catalog, SessionIsDeleted
from shared.catalog.record import CatalogRecord
from shared.domain.errors import InvalidInput, NotFound
from shared.domain.events import StoredOriginal
from shared.domain.identifiers import SessionKey

_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A call's newest recording: the bytes as they were sent, when they were stored (RFC 3339), and all else known."""

    call_log: str
    original: StoredOriginal
    stored_at: str
    record: CatalogRecord


@dataclass(frozen=True, slots=True)
class Page:
    """Calls, newest first; `cursor` asks for what follows, None at the end."""

    calls: list[StoredCall]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class StoredRecordings:
    """Looks recordings up; every method raises Unavailable while the bus is away."""

    catalog: Catalog

    async def newest(self, lead: LeadRef, call_log: str) -> StoredCall:
        """Return a call's newest recording; raises NotFound."""
        for call in await self.catalog.list_call_recordings(lead.tenant, lead.id, call_log):
            stored = await self._stored(lead, call)
            if stored is not None:
                return stored
        raise NotFound("There is no such recording.")

    async def page(self, lead: LeadRef, limit: int, cursor: str | None) -> Page:
        """Return up to `limit` calls, newest first, one entry a call; raises InvalidInput for a cursor not of ours."""
        before = None if cursor is None else _parse_cursor(cursor)
        calls = list(_newest(await self.catalog.list_call_recordings(lead.tenant, lead.id)))
        wanted = [call for call in calls if before is None or (call.opened, call.session) < before]
        found = []
        for start in range(0, min(limit, len(wanted)), _AT_ONCE):
            part = wanted[start : min(start + _AT_ONCE, limit)]
            found += await asyncio.gather(*(self._stored(lead, call) for call in part))
        return Page(
            calls=[stored for stored in found if stored is not None],
            cursor=_cursor(wanted[limit - 1]) if len(wanted) > limit else None,
        )

    async def _stored(self, lead: LeadRef, call: CallRecording) -> StoredCall | None:
        """Return what is known of a recording, None if it was deleted meanwhile."""
        try:
            record = await self.catalog.get(SessionKey(lead.tenant, call.session))
        except SessionIsDeleted:
            return None
        if record is None or record.ended is None or record.ended.original is None:
            return None
        return StoredCall(call.call_log, record.ended.original, record.ended_at or record.updated_at, record)


def _newest(calls: Iterable[CallRecording]) -> Iterator[CallRecording]:
    """Keep each call's first entry."""
    seen: set[str] = set()
    for call in calls:
        if call.call_log not in seen:
            seen.add(call.call_log)
            yield call


def _cursor(call: CallRecording) -> str:
    return base64.urlsafe_b64encode(f"{call.opened}.{call.session}".encode()).decode().rstrip("=")


def _parse_cursor(cursor: str) -> tuple[int, str]:
    try:
        opened, _, session = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii").partition(".")
        return int(opened), session
    except (binascii.Error, ValueError) as exc:
        raise InvalidInput("cursor must be the next_cursor of an answer.", code="invalid_cursor") from exc
