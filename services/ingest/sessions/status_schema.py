"""Response schema of a session's status (docs/contracts.md, section 0), and how it is built from spool and catalog."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.catalog.record import CatalogRecord
from shared.domain.clock import rfc3339
from shared.domain.events import (
    AnalysisCompleted,
    AnalysisFailed,
    AudioFailed,
    AudioReady,
    DocumentRegistered,
    StoredOriginal,
)
from shared.http.fields import Address, Confidence, Count, Identifier, Seconds, Sha256, Size, Temperature, Timestamp

State = Literal["receiving", "finalized", "ready", "analyzed", "failed", "expired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file in the bucket; `download_url` is signed and expires, null while nothing can be signed."""

    url: Address
    download_url: Address | None
    filename: str
    content_type: str
    size_bytes: Size
    sha256: Sha256 | None
    duration_seconds: Seconds | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """How heated the conversation was."""

    temperature: Temperature
    confidence: Confidence
    analysis_summary: str
    timestamp: Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What went wrong, fit for a caller's eyes."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStatus:
    """The whole status; parts that are not there yet are null."""

    session_id: Identifier
    state: State
    chunks: Count | None
    bytes: Size | None
    audio: StoredFile | None
    original: StoredFile | None
    analysis: Analysis | None
    error: Problem | None
    created_at: Timestamp
    updated_at: Timestamp


@dataclass(frozen=True, slots=True)
class SpoolView:
    """A session by its directory; `chunks` and `bytes` count deleted chunks of an expired session as well.

    `lead` is None for a session without a lead.
    """

    finalized: bool
    expired: bool
    chunks: int
    bytes: int
    created_at: datetime
    updated_at: datetime
    lead: str | None


@dataclass(frozen=True, slots=True)
class Downloads:
    """Presigned download URLs of a session's objects, None for each that is missing or can't be signed."""

    audio: str | None = None
    original: str | None = None


def build_status(
    session: str, view: SpoolView | None, record: CatalogRecord | None, downloads: Downloads
) -> SessionStatus:
    """Build the status; at least one of `view` and `record` is not None."""
    created = [record.created_at] if record else []
    updated = [record.updated_at] if record else []
    if view is not None:
        created.append(rfc3339(view.created_at))
        updated.append(rfc3339(view.updated_at))
    return SessionStatus(
        session_id=session,
        state=_state(view, record),
        chunks=_chunks(view, record),
        bytes=_bytes(view, record),
        audio=_audio(record, downloads.audio),
        original=_original(record, downloads.original),
        analysis=_analysis(record),
        error=_error(view, record),
        created_at=min(created),
        updated_at=max(updated),
    )


def _state(view: SpoolView | None, record: CatalogRecord | None) -> State:
    if record is not None:
        match record.analysis or record.ended:
            case AnalysisCompleted():
                return "analyzed"
            case AnalysisFailed() | AudioFailed():
                return "failed"
            case AudioReady():
                return "ready"
            case None if record.document is not None:
                return "finalized" if record.document.is_audio else "ready"
            case None:
                pass
    if _expired(view, record):
        return "expired"
    return "finalized" if view is not None and view.finalized else "receiving"


def _expired(view: SpoolView | None, record: CatalogRecord | None) -> bool:
    """Whether the session expired before it was finalized."""
    if record is not None and record.ended is not None:
        return False
    return (view is not None and view.expired) or (record is not None and record.expired is not None)


def _chunks(view: SpoolView | None, record: CatalogRecord | None) -> int | None:
    """Return the number of chunks, None for a document."""
    if record is not None and record.document is not None:
        return None
    if view is not None:
        return view.chunks
    if record is not None and record.expired is not None:
        return record.expired.chunks
    intake = record.ended.intake if record is not None and record.ended is not None else None
    return intake.chunks if intake else None


def _bytes(view: SpoolView | None, record: CatalogRecord | None) -> int | None:
    """Return the size of what was sent in bytes, for a document the size of its object."""
    if record is not None and record.ended is not None and record.ended.intake is not None:
        return record.ended.intake.bytes
    if record is not None and record.document is not None:
        return record.document.size_bytes
    if view is None and record is not None and record.expired is not None:
        return record.expired.bytes
    return view.bytes if view else None


def _audio(record: CatalogRecord | None, download_url: str | None) -> StoredFile | None:
    match record.ended if record else None:
        case AudioReady() as audio:
            return StoredFile(
                url=audio.url,
                download_url=download_url,
                filename=audio.filename,
                content_type="audio/wav",
                size_bytes=audio.size_bytes,
                sha256=audio.sha256,
                duration_seconds=audio.duration_seconds,
            )
        case _:
            return None


def _original(record: CatalogRecord | None, download_url: str | None) -> StoredFile | None:
    if record is None:
        return None
    duration = record.ended.duration_seconds if isinstance(record.ended, AudioReady) else None
    match (record.ended.original if record.ended else None) or record.document:
        case StoredOriginal() as original:
            return StoredFile(
                url=original.url,
                download_url=download_url,
                filename=original.filename,
                content_type=original.content_type,
                size_bytes=original.size_bytes,
                sha256=original.sha256,
                duration_seconds=duration,
            )
        case DocumentRegistered() as registered:
            return StoredFile(
                url=registered.url,
                download_url=download_url,
                filename=registered.filename,
                content_type=registered.mime_type,
                size_bytes=registered.size_bytes,
                sha256=None,
                duration_seconds=None,
            )
        case _:
            return None


def _analysis(record: CatalogRecord | None) -> Analysis | None:
    match record.analysis if record else None:
        case AnalysisCompleted() as done:
            return Analysis(
                temperature=done.temperature,
                confidence=done.confidence,
                analysis_summary=done.analysis_summary,
                timestamp=done.timestamp,
            )
        case _:
            return None


def _error(view: SpoolView | None, record: CatalogRecord | None) -> Problem | None:
    if _expired(view, record):
        return Problem(code="expired", message="Nothing came for too long, and what had come was erased.")
    for event in (record.ended, record.analysis) if record else ():
        match event:
            case AudioFailed() | AnalysisFailed() as failed:
                return Problem(code=failed.code, message=failed.reason)
            case _:
                continue
    return None
