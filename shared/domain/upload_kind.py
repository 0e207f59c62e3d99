"""What a recording is for, as its client said when it opened it; a raw session says nothing."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedUpload:
    """A file that belongs to a main service, which is told once it is stored (contracts, section 3).

    `filename` is what it is stored as, `given_name` what its client calls it.
    """

    kind: Literal["upload"] = "upload"
    main_service_file_id: int
    filename: str
    given_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadRecording:
    """A call with a lead; `call_log` is the call's UUID in its canonical form (contracts, section 4)."""

    kind: Literal["recording"] = "recording"
    lead: str
    call_log: str
    filename: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredDocument:
    """A file that its client put into the bucket itself (contracts, section 5); `size_bytes` as the bucket has it."""

    kind: Literal["document"] = "document"
    filename: str
    object_key: str
    size_bytes: int
    mime_type: str


UploadKind = Annotated[IndexedUpload | LeadRecording | RegisteredDocument, Field(discriminator="kind")]


def lead_of(purpose: UploadKind | None) -> str | None:
    """Return whose call a session is a recording of, or None for one that is no lead's."""
    return purpose.lead if isinstance(purpose, LeadRecording) else None
