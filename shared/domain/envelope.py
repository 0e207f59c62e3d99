"""The envelope of an event, and how it is written and read as CloudEvents 1.0 JSON, the one place with untyped data."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.formats.json import JSONFormat
from pydantic import TypeAdapter
from pydantic_core import to_json

from shared.domain.clock import now
from shared.domain.errors import InvalidInput
from shared.domain.events import EVENT_TYPES, Event
from shared.domain.identifiers import SessionKey, parse_identifier
from shared.domain.subjects import PREFIX, event_subject
from shared.observability.trace import Trace, new_trace

_ADAPTERS: dict[str, TypeAdapter[Event]] = {f"{PREFIX}.{kind.NAME}": TypeAdapter(kind) for kind in EVENT_TYPES}
_SOURCE = "/roomtone/"


class UndecodableEventError(ValueError):
    """A message on the bus is not a Roomtone event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An event with its attributes: session, time, the trace of the request that caused it, and a stable id.

    `lead` is the lead of a call recording, otherwise None: only callers whose token covers the lead get the event.
    """

    id: str
    source: str
    time: datetime
    key: SessionKey
    trace: Trace
    event: Event
    lead: str | None = None

    @property
    def subject(self) -> str:
        """The subject that the event is published on."""
        return event_subject(self.key, self.event.NAME)


def event_id(key: SessionKey, kind: type[Event], cause: str) -> str:
    """Return the id of a session's event of type `kind` that `cause` leads to: 32 hexadecimal digits."""
    return hashlib.sha256("\0".join((key.tenant, key.session, kind.NAME, cause)).encode()).hexdigest()[:32]


def make_envelope(
    service: str, key: SessionKey, event: Event, *, cause: str, trace: Trace, lead: str | None = None
) -> Envelope:
    """Return `event` in an envelope with an id derived from `cause`, so that a repeated step yields the same id.

    `cause` is what leads to the event: a manifest's hash, a chunk's index and hash.
    """
    identity = event_id(key, type(event), cause)
    return Envelope(id=identity, source=_SOURCE + service, time=now(), key=key, trace=trace, event=event, lead=lead)


def encode(envelope: Envelope) -> bytes:
    """Write an envelope as one CloudEvents JSON document (JSON event format 1.0.2, section 3)."""
    # Not by the library that reads it, which takes a tenth of the time that ingest needs for a small chunk.
    document: dict[str, object] = {
        "specversion": "1.0",
        "id": envelope.id,
        "source": envelope.source,
        "type": f"{PREFIX}.{envelope.event.NAME}",
        "subject": envelope.key.session,
        "time": envelope.time,
        "datacontenttype": "application/json",
        "traceparent": envelope.trace.traceparent,
        "requestid": envelope.trace.request_id,
        "tenantid": envelope.key.tenant,
    }
    if envelope.lead is not None:
        document["leadid"] = envelope.lead
    return to_json(document | {"data": envelope.event})


def decode_on_subject(subject: str, payload: bytes) -> Envelope:
    """Read an envelope that came on `subject`; raises UndecodableEventError also if it belongs to another subject."""
    envelope = decode(payload)
    # A client that may publish on one tenant's subjects must not be able to send events of another tenant.
    if envelope.subject != subject:
        raise UndecodableEventError("the event speaks of something else than its subject")
    return envelope


def decode(payload: bytes) -> Envelope:
    """Read an envelope from CloudEvents JSON; unknown members are ignored.

    Raises UndecodableEventError if the document is not a CloudEvent or not a Roomtone event.
    """
    try:
        document = JSONFormat().read(None, payload)
        attributes = document.get_attributes()
        adapter = _ADAPTERS[document.get_type()]
        event = adapter.validate_python(document.get_data())
        return Envelope(
            id=document.get_id(),
            source=document.get_source(),
            time=attributes["time"],
            key=_key(attributes["tenantid"], attributes["subject"]),
            trace=new_trace(attributes.get("requestid"), attributes.get("traceparent")),
            event=event,
            lead=_lead(attributes),
        )
    except (
        CloudEventValidationError,
        InvalidInput,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as exc:
        raise UndecodableEventError(f"not a Roomtone event: {type(exc).__name__}") from exc


def _key(tenant: str, session: str) -> SessionKey:
    """Validate identifiers from the bus as those from HTTP: they become paths and object keys."""
    return SessionKey(parse_identifier(tenant, "tenant"), parse_identifier(session, "session_id"))


def _lead(attributes: Mapping[str, Any]) -> str | None:
    return parse_identifier(attributes["leadid"], "lead_id") if "leadid" in attributes else None
