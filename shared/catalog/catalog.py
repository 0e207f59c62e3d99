"""The catalog of recordings: a JetStream key-value bucket with one record a session, and an index of call recordings.

session.<tenant>.<session>                     a record
call.<tenant>.<lead>.<call log>.<milliseconds>.<session>
                                               empty: this session, opened then, is a recording of that call

A deleted session leaves a tombstone, so that work still under way for it can't bring it back.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from nats.errors import Error as NatsError
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import BucketNotFoundError, KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue
from pydantic import TypeAdapter, ValidationError

from shared.catalog.record import CatalogRecord, apply_event
from shared.domain.envelope import Envelope
from shared.domain.errors import Unavailable
from shared.domain.events import UploadSummary
from shared.domain.identifiers import SessionKey
from shared.domain.upload_kind import LeadRecording
from shared.messaging.bus import Bus

BUCKET = "ROOMTONE_CATALOG"

_RECORD = TypeAdapter(CatalogRecord)
_TRIES = 10
_DELETED = {"DEL", "PURGE"}
_LIST_SECONDS = 10.0
_SUBJECTS = f"$KV.{BUCKET}."


class SessionIsDeleted(Exception):
    """The session was deleted; its catalog entry is a tombstone."""


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A session's record and its revision as they were read; None and 0 for a session without an entry."""

    record: CatalogRecord | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True, order=True)
class CallRecording:
    """One stored recording of a call; sorts by when it was opened, in milliseconds since the epoch."""

    opened: int
    session: str
    call_log: str


class Catalog:
    """Reads and writes records; every method raises Unavailable while the bus is not available."""

    def __init__(self, bus: Bus, *, replicas: int) -> None:
        self._bus = bus
        self._replicas = replicas
        self._opened_bucket: KeyValue | None = None

    async def get(self, key: SessionKey) -> CatalogRecord | None:
        """Return a session's record, or None; raises SessionIsDeleted."""
        return (await self.get_entry(key)).record

    async def apply(self, envelope: Envelope, known_entry: CatalogEntry | None = None) -> CatalogRecord:
        """Apply an event to its session's record and return the new record; raises SessionIsDeleted.

        A `known_entry` that was read before saves reading it again, if it was not written since.
        """
        for _ in range(_TRIES):
            entry = known_entry or await self.get_entry(envelope.key)
            record = apply_event(entry.record, envelope)
            if record == entry.record or await self._write(envelope.key, record, entry.revision):
                await self._index_call_recording(record)
                return record
            known_entry = None
        raise Unavailable("The catalog is busy with this session: try again.", code="catalog_busy")

    async def list_call_recordings(self, tenant: str, lead: str, call_log: str = "*") -> list[CallRecording]:
        """Return a lead's stored recordings, or those of one call, newest first."""
        keys = await self._keys(f"call.{tenant}.{lead}.{call_log}.*.*")
        parts = [key.split(".") for key in keys]
        return sorted((CallRecording(int(opened), session, call) for *_, call, opened, session in parts), reverse=True)

    async def delete(self, key: SessionKey, record: CatalogRecord | None) -> None:
        """Delete a session's record and leave a tombstone; idempotent. `record` gives its index entry."""
        call_key = None if record is None else _call_key(record)
        async with self._bucket() as bucket:
            # The index entry goes first, since it is found by the record; purged, as a tombstone would be listed.
            if call_key is not None:
                await self._bus.jetstream.purge_stream(f"KV_{BUCKET}", subject=_SUBJECTS + call_key)
            await bucket.delete(_session_key(key))

    async def _index_call_recording(self, record: CatalogRecord) -> None:
        call_key = _call_key(record)
        if call_key is not None:
            async with self._bucket() as bucket:
                await bucket.put(call_key, b"")

    async def get_entry(self, key: SessionKey) -> CatalogEntry:
        """Return a session's record with the revision that `apply` writes after; raises SessionIsDeleted."""
        async with self._bucket() as bucket:
            try:
                entry = await bucket.get(_session_key(key))
            except KeyNotFoundError as exc:
                if exc.op in _DELETED:
                    raise SessionIsDeleted from exc
                return CatalogEntry()
        try:
            return CatalogEntry(_RECORD.validate_json(entry.value or b""), entry.revision or 0)
        except ValidationError as exc:
            raise Unavailable("The catalog's entry can't be read: rebuild the catalog.", code="catalog_spoilt") from exc

    async def _write(self, key: SessionKey, record: CatalogRecord, revision: int) -> bool:
        """Replace the record of that revision; returns False if it was written meanwhile (compare and set)."""
        async with self._bucket() as bucket:
            try:
                await bucket.update(_session_key(key), _RECORD.dump_json(record), last=revision)
            except KeyWrongLastSequenceError:
                return False
        return True

    async def _keys(self, pattern: str) -> list[str]:
        """Return the bucket's keys that match, in one request."""
        # A watch takes five requests, and nats-py's ends too early when its consumer's first messages overtake the
        # response with their number.
        async with self._bucket(), asyncio.timeout(_LIST_SECONDS):
            info = await self._bus.jetstream.stream_info(f"KV_{BUCKET}", subjects_filter=_SUBJECTS + pattern)
        return [subject.removeprefix(_SUBJECTS) for subject in info.state.subjects or ()]

    @asynccontextmanager
    async def _bucket(self) -> AsyncIterator[KeyValue]:
        """Yield the bucket, created if it is missing; the client library's errors become Unavailable."""
        if not self._bus.connected:
            raise Unavailable("The bus is not reachable.", code="bus_unavailable")
        try:
            if self._opened_bucket is None:
                self._opened_bucket = await self._open()
            yield self._opened_bucket
        except (NatsError, TimeoutError) as exc:
            self._opened_bucket = None  # the server may have lost it: opened again by the next call
            raise Unavailable("The catalog did not answer.", code="catalog_unavailable") from exc

    async def _open(self) -> KeyValue:
        jetstream = self._bus.jetstream
        try:
            return await jetstream.key_value(BUCKET)
        except BucketNotFoundError:
            return await jetstream.create_key_value(
                KeyValueConfig(bucket=BUCKET, history=1, storage=StorageType.FILE, replicas=self._replicas, direct=True)
            )


def _session_key(key: SessionKey) -> str:
    return f"session.{key.tenant}.{key.session}"


def _call_key(record: CatalogRecord) -> str | None:
    """Return the key of a stored call recording's index entry, or None for any other record."""
    match record.ended.intake if record.ended is not None and record.ended.original is not None else None:
        case UploadSummary(purpose=LeadRecording(lead=lead, call_log=call_log), opened_at=opened_at):
            opened = round(datetime.fromisoformat(opened_at).timestamp() * 1000)
            return f"call.{record.tenant}.{lead}.{call_log}.{opened}.{record.session}"
        case _:
            return None
