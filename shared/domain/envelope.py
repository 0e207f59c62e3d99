"""Events as bytes: CloudEvents 1.0 in structured JSON, the one place where data is untyped."""

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
    """Bytes on the bus that are not one of our events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An event with its circumstances: whose, when, from which request, under which stable id.

    `lead` is whose call the session is a recording of, None for all others: it decides who may hear of it.
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
        """The bus subject this envelope travels on."""
        return event_subject(self.key, self.event.NAME)


def event_id(key: SessionKey, kind: type[Event], cause: str) -> str:
    """Return the id of the event of this kind that follows from `cause`."""
    return hashlib.sha256("\0".join((key.tenant, key.session, kind.NAME, cause)).encode()).hexdigest()[:32]


def make_envelope(
    service: str, key: SessionKey, event: Event, *, cause: str, trace: Trace, lead: str | None = None
) -> Envelope:
    """Wrap `event` under an id derived from `cause`, so that a step that runs twice says the same thing.

    `cause` is whatever the event follows from: a manifest's hash, a chunk's index and hash.
    """
    identity = event_id(key, type(event), cause)
    return Envelope(id=identity, source=_SOURCE + service, time=now(), key=key, trace=trace, event=event, lead=lead)


def encode(item: Envelope) -> bytes:
    """Write an envelope as one CloudEvents JSON document (JSON event format 1.0.2, section 3).

    Not by the library that reads it, which takes a tenth of what a small chunk costs ingest.
    """
    document: dict[str, object] = {
        "specversion": "1.0",
        "id": item.id,
        "source": item.source,
        "type": f"{PREFIX}.{item.event.NAME}",
        "subject": item.key.session,
        "time": item.time,
        "datacontenttype": "application/json",
        "traceparent": item.trace.traceparent,
        "requestid": item.trace.request_id,
        "tenantid": item.key.tenant,
    }
    if item.lead is not None:
        document["leadid"] = item.lead
    return to_json(document | {"data": item.event})


def decode_on_subject(subject: str, payload: bytes) -> Envelope:
    """Read an envelope that came on `subject`; raises UndecodableEventError also when it speaks of another.

    Who may publish on one tenant's subjects must not be heard on another's.
    """
    item = decode(payload)
    if item.subject != subject:
        raise UndecodableEventError("the event speaks of something else than its subject")
    return item


def decode(payload: bytes) -> Envelope:
    """Read an envelope back; members this version does not know are ignored.

    Raises UndecodableEventError when the document is not a CloudEvent or not one of our events.
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
    """Take names from the bus only as they could have come in over HTTP: they become paths and object keys."""
    return SessionKey(parse_identifier(tenant, "tenant"), parse_identifier(session, "session_id"))


def _lead(attributes: Mapping[str, Any]) -> str | None:
    return parse_identifier(attributes["leadid"], "lead_id") if "leadid" in attributes else None
