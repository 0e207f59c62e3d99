"""What happens to a recording, one frozen dataclass an event.

`NAME` is the event's last subject tokens and, behind `roomtone.v1.`, its CloudEvents type. Fields are the
members of the event's `data`. Changes inside v1 are additive: readers ignore members they do not know.
"""

from dataclasses import dataclass
from typing import ClassVar

from shared.domain.upload_kind import UploadKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened:
    """The first chunk of a session is stored."""

    NAME: ClassVar[str] = "session.opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkReceived:
    """A chunk is stored and acknowledged: progress, sent without waiting; `size` in bytes."""

    NAME: ClassVar[str] = "chunk.received"
    chunk_index: int
    size: int
    sha256: str
    total_chunks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFinalized:
    """No more chunks: the manifest with this hash says what the recording consists of."""

    NAME: ClassVar[str] = "session.finalized"
    manifest_sha256: str
    chunks: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionExpired:
    """Nothing came for an unfinished session since `untouched_since`: what it had was erased, and it takes no more."""

    NAME: ClassVar[str] = "session.expired"
    chunks: int
    bytes: int
    untouched_since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDeleted:
    """Everything of the session was erased, and looked for again in vain; `objects` is how many it was."""

    NAME: ClassVar[str] = "session.deleted"
    objects: int
    receipt_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRegistered:
    """A file that its client put into the bucket was found there; `session` of its subject is the document's id."""

    NAME: ClassVar[str] = "document.registered"
    filename: str
    object_key: str
    url: str
    size_bytes: int
    mime_type: str
    created_at: str
    is_audio: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivered:
    """Another service has confirmed that it was told; `message_id` is what it can tell repetitions by."""

    NAME: ClassVar[str] = "webhook.delivered"
    message_id: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookFailed:
    """Another service could not be told, and will not be tried again; `reason` names no address."""

    NAME: ClassVar[str] = "webhook.failed"
    message_id: str
    attempts: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOriginal:
    """A recording in the bucket, byte for byte as it was sent."""

    url: str
    object_key: str
    filename: str
    content_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSummary:
    """How a recording came in: what for, since when, in how many chunks of how many bytes together."""

    opened_at: str
    chunks: int
    bytes: int
    purpose: UploadKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioReady:
    """The WAV is in the bucket, looked up again and found right."""

    NAME: ClassVar[str] = "audio.ready"
    url: str
    filename: str
    object_key: str
    size_bytes: int
    sha256: str
    duration_seconds: float
    manifest_sha256: str
    warnings: tuple[str, ...] = ()
    original: StoredOriginal | None = None
    intake: UploadSummary | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFailed:
    """No WAV will come of this session by itself; `reason` is fit for a caller's eyes.

    When it is `retryable`, finalizing the session once more tries again. What was sent is kept all the same where
    there is an `original`.
    """

    NAME: ClassVar[str] = "audio.failed"
    code: str
    reason: str
    manifest_sha256: str
    retryable: bool = False
    original: StoredOriginal | None = None
    intake: UploadSummary | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptLine:
    """Something said, with seconds from the start of the recording."""

    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisCompleted:
    """How heated the conversation was (1 to 100), how sure we are of it (0 to 1), and why."""

    NAME: ClassVar[str] = "analysis.completed"
    temperature: int
    confidence: float
    analysis_summary: str
    timestamp: str
    reason_codes: tuple[str, ...] = ()
    scorer: str
    transcriber: str
    transcript: tuple[TranscriptLine, ...] = ()
    transcript_truncated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisFailed:
    """No score will come of this recording by itself; `reason` is fit for a caller's eyes."""

    NAME: ClassVar[str] = "analysis.failed"
    code: str
    reason: str


Event = (
    SessionOpened
    | ChunkReceived
    | SessionFinalized
    | SessionExpired
    | SessionDeleted
    | DocumentRegistered
    | AudioReady
    | AudioFailed
    | AnalysisCompleted
    | AnalysisFailed
    | WebhookDelivered
    | WebhookFailed
)

EVENT_TYPES: tuple[type[Event], ...] = (
    SessionOpened,
    ChunkReceived,
    SessionFinalized,
    SessionExpired,
    SessionDeleted,
    DocumentRegistered,
    AudioReady,
    AudioFailed,
    AnalysisCompleted,
    AnalysisFailed,
    WebhookDelivered,
    WebhookFailed,
)
