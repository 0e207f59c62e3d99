"""The catalog of recordings: a JetStream key-value bucket with one record a session, and an index of leads' calls.

session.<tenant>.<session>                     a record
call.<tenant>.<lead>.<call log>.<milliseconds>.<session>
                                               that this session, opened then, is a recording of that call

A deleted session leaves a marker, so that work still under way for it can't bring it back.
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
    """The session was deleted: nothing more is to be known of it."""


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A session's record as it was seen, and its revision; neither of a session that was not there."""

    record: CatalogRecord | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True, order=True)
class CallRecording:
    """One stored recording of a call; they sort by when they were opened."""

    opened: int
    session: str
    call_log: str


class Catalog:
    """Reads and writes records; every method raises Unavailable when the bus is away."""

    def __init__(self, bus: Bus, *, replicas: int) -> None:
        self._bus = bus
        self._replicas = replicas
        self._opened: KeyValue | None = None

    async def get(self, key: SessionKey) -> CatalogRecord | None:
        """Return what is known of a session, or None; raises Deleted."""
        return (await self.get_entry(key)).record

    async def apply(self, envelope: Envelope, known_entry: CatalogEntry | None = None) -> CatalogRecord:
        """Fold an event into its session's record and return it; after a deletion raises Deleted instead.

        What was `seen` before saves a look, where nobody else wrote since.
        """
        for _ in range(_TRIES):
            entry = known_entry or await self.get_entry(envelope.key)
            after = apply_event(entry.record, envelope)
            if after == entry.record or await self._write(envelope.key, after, entry.revision):
                await self._index(after)
                return after
            known_entry = None
        raise Unavailable("The catalog is busy with this session: try again.", code="catalog_busy")

    async def list_call_recordings(self, tenant: str, lead: str, call_log: str = "*") -> list[CallRecording]:
        """Return a lead's stored recordings, or those of one call, newest first."""
        names = await self._names(f"call.{tenant}.{lead}.{call_log}.*.*")
        found = [name.split(".") for name in names]
        return sorted((CallRecording(int(opened), session, call) for *_, call, opened, session in found), reverse=True)

    async def delete(self, key: SessionKey, record: CatalogRecord | None) -> None:
        """Forget a session, and mark that it was deleted; again is fine."""
        call = None if record is None else _call_name(record)
        async with self._bucket() as bucket:
            if call is not None:  # first, since the record is what tells of it; without a marker, which would be listed
                await self._bus.jetstream.purge_stream(f"KV_{BUCKET}", subject=_SUBJECTS + call)
            await bucket.delete(_session_name(key))

    async def _index(self, record: CatalogRecord) -> None:
        name = _call_name(record)
        if name is not None:
            async with self._bucket() as bucket:
                await bucket.put(name, b"")

    async def get_entry(self, key: SessionKey) -> CatalogEntry:
        """Return what is known of a session, with what `tell` needs to write behind it; raises Deleted."""
        async with self._bucket() as bucket:
            try:
                entry = await bucket.get(_session_name(key))
            except KeyNotFoundError as exc:
                if exc.op in _DELETED:
                    raise SessionIsDeleted from exc
                return CatalogEntry()
        try:
            return CatalogEntry(_RECORD.validate_json(entry.value or b""), entry.revision or 0)
        except ValidationError as exc:
            raise Unavailable("The catalog's entry can't be read: rebuild the catalog.", code="catalog_spoilt") from exc

    async def _write(self, key: SessionKey, record: CatalogRecord, revision: int) -> bool:
        """Replace what was read; False when somebody else did meanwhile."""
        async with self._bucket() as bucket:
            try:
                await bucket.update(_session_name(key), _RECORD.dump_json(record), last=revision)
            except KeyWrongLastSequenceError:
                return False
        return True

    async def _names(self, pattern: str) -> list[str]:
        """Return the names that match, in one request.

        A watch would do it in five, and nats-py's says "that was all" too early when its consumer's first messages
        overtake the answer about how many there are.
        """
        async with self._bucket(), asyncio.timeout(_LIST_SECONDS):
            about = await self._bus.jetstream.stream_info(f"KV_{BUCKET}", subjects_filter=_SUBJECTS + pattern)
        return [subject.removeprefix(_SUBJECTS) for subject in about.state.subjects or ()]

    @asynccontextmanager
    async def _bucket(self) -> AsyncIterator[KeyValue]:
        """Hand out the bucket, made if it is not there; the client's errors become Unavailable."""
        if not self._bus.connected:
            raise Unavailable("The bus is not reachable.", code="bus_unavailable")
        try:
            if self._opened is None:
                self._opened = await self._open()
            yield self._opened
        except (NatsError, TimeoutError) as exc:
            self._opened = None  # perhaps the server lost it; looked for anew next time
            raise Unavailable("The catalog did not answer.", code="catalog_unavailable") from exc

    async def _open(self) -> KeyValue:
        jetstream = self._bus.jetstream
        try:
            return await jetstream.key_value(BUCKET)
        except BucketNotFoundError:
            return await jetstream.create_key_value(
                KeyValueConfig(bucket=BUCKET, history=1, storage=StorageType.FILE, replicas=self._replicas, direct=True)
            )


def _session_name(key: SessionKey) -> str:
    return f"session.{key.tenant}.{key.session}"


def _call_name(record: CatalogRecord) -> str | None:
    """Return under which name a lead's stored recording is found, or None for anything else."""
    match record.ended.intake if record.ended is not None and record.ended.original is not None else None:
        case UploadSummary(purpose=LeadRecording(lead=lead, call_log=call_log), opened_at=opened_at):
            opened = round(datetime.fromisoformat(opened_at).timestamp() * 1000)
            return f"call.{record.tenant}.{lead}.{call_log}.{opened}.{record.session}"
        case _:
            return None
