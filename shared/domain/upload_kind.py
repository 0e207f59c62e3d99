"""The kind of an upload: indexed upload, lead recording or registered document. Raw sessions have none."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedUpload:
    """A file that belongs to a main service, which gets a callback once it is stored (docs/contracts.md, section 3).

    `filename` is the name that it is stored under, `given_name` the client's own name for it.
    """

    kind: Literal["upload"] = "upload"
    main_service_file_id: int
    filename: str
    given_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadRecording:
    """A recording of a call with a lead (docs/contracts.md, section 4).

    `call_log` is the call's UUID in its canonical form.
    """

    kind: Literal["recording"] = "recording"
    lead: str
    call_log: str
    filename: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredDocument:
    """A file that its client uploaded to the bucket (docs/contracts.md, section 5); `size_bytes` is its size there."""

    kind: Literal["document"] = "document"
    filename: str
    object_key: str
    size_bytes: int
    mime_type: str


UploadKind = Annotated[IndexedUpload | LeadRecording | RegisteredDocument, Field(discriminator="kind")]


def lead_of(upload_kind: UploadKind | None) -> str | None:
    """Return the lead of a lead recording, or None for every other kind of upload."""
    return upload_kind.lead if isinstance(upload_kind, LeadRecording) else None
