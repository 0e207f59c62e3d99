"""Looks up a lead's stored recordings in the catalog: the newest one of each call."""

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

_CONCURRENT_GETS = 16


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A call's newest recording: its object as it was sent, when it was stored (RFC 3339), and its catalog record."""

    call_log: str
    original: StoredOriginal
    stored_at: str
    record: CatalogRecord


@dataclass(frozen=True, slots=True)
class Page:
    """One page of calls, newest first; `cursor` leads to the next page, None on the last one."""

    calls: list[StoredCall]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class StoredRecordings:
    """Looks up recordings; every method raises Unavailable while the bus is away."""

    catalog: Catalog

    async def newest(self, lead: LeadRef, call_log: str) -> StoredCall:
        """Return a call's newest recording; raises NotFound."""
        for call in await self.catalog.list_call_recordings(lead.tenant, lead.id, call_log):
            stored = await self._stored(lead, call)
            if stored is not None:
                return stored
        raise NotFound("There is no such recording.")

    async def page(self, lead: LeadRef, limit: int, cursor: str | None) -> Page:
        """Return up to `limit` calls, newest first, one entry a call; raises InvalidInput for a bad cursor."""
        before = None if cursor is None else _parse_cursor(cursor)
        calls = list(_newest(await self.catalog.list_call_recordings(lead.tenant, lead.id)))
        wanted = [call for call in calls if before is None or (call.opened, call.session) < before]
        found = []
        for start in range(0, min(limit, len(wanted)), _CONCURRENT_GETS):
            part = wanted[start : min(start + _CONCURRENT_GETS, limit)]
            found += await asyncio.gather(*(self._stored(lead, call) for call in part))
        return Page(
            calls=[stored for stored in found if stored is not None],
            cursor=_cursor(wanted[limit - 1]) if len(wanted) > limit else None,
        )

    async def _stored(self, lead: LeadRef, call: CallRecording) -> StoredCall | None:
        """Return a recording's catalog record and object, or None if it was deleted meanwhile or is not stored."""
        try:
            record = await self.catalog.get(SessionKey(lead.tenant, call.session))
        except SessionIsDeleted:
            return None
        if record is None or record.ended is None or record.ended.original is None:
            return None
        return StoredCall(call.call_log, record.ended.original, record.ended_at or record.updated_at, record)


def _newest(calls: Iterable[CallRecording]) -> Iterator[CallRecording]:
    """Yield each call's first entry, which is its newest."""
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
