"""What happens to a recording, one frozen dataclass an event.

`NAME` is the event's last subject tokens and, behind `roomtone.v1.`, its CloudEvents type. Fields are the
members of the event's `data`. Changes inside v1 are additive: readers ignore members they do not know.
"""

from dataclasses import dataclass
from typing import ClassVar

from shared.domain.analysis import ChannelAnalysis, Evidence, TranscriptLine
from shared.domain.upload_kind import UploadKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened:
    """The first chunk of a session is stored."""

    NAME: ClassVar[str] = "session.opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkReceived:
    """The newest chunk of a session is stored and acknowledged; sizes in bytes.

    Published without waiting, at most once, and at most every 200 ms for a session.
    """

    NAME: ClassVar[str] = "chunk.received"
    chunk_index: int
    size: int
    sha256: str
    total_chunks: int
    total_size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFinalized:
    """A session is complete: the manifest with this hash lists the chunks of the recording."""

    NAME: ClassVar[str] = "session.finalized"
    manifest_sha256: str
    chunks: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionExpired:
    """An unfinished session got no chunk since `untouched_since`: its chunks were deleted, and it accepts no more."""

    NAME: ClassVar[str] = "session.expired"
    chunks: int
    bytes: int
    untouched_since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDeleted:
    """Everything of a session was deleted, and its absence verified; `objects` is the number of deleted objects."""

    NAME: ClassVar[str] = "session.deleted"
    objects: int
    receipt_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRegistered:
    """A file that its client put into the bucket was found there; the session in its subject is the document's id."""

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
    """A callback was confirmed by its receiver, which can recognise repetitions by `message_id`."""

    NAME: ClassVar[str] = "webhook.delivered"
    message_id: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookFailed:
    """A callback failed and will not be retried; `reason` names no address."""

    NAME: ClassVar[str] = "webhook.failed"
    message_id: str
    attempts: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOriginal:
    """The original of a recording in the bucket, byte for byte as it was sent."""

    url: str
    object_key: str
    filename: str
    content_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSummary:
    """How a recording was uploaded: its upload kind, when it was opened, its number of chunks and their total bytes."""

    opened_at: str
    chunks: int
    bytes: int
    purpose: UploadKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChannels:
    """Both channels of a recording in the bucket, as a FLAC at 16 kHz; `names` from left to right."""

    object_key: str
    size_bytes: int
    sha256: str
    names: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioReady:
    """The WAV of a recording is in the bucket, and its size and hash there were verified.

    There are `channels` beside it if the recording has two that are not the same.
    """

    NAME: ClassVar[str] = "audio.ready"
    url: str
    filename: str
    object_key: str
    size_bytes: int
    sha256: str
    duration_seconds: float
    manifest_sha256: str
    warnings: tuple[str, ...] = ()
    channels: StoredChannels | None = None
    original: StoredOriginal | None = None
    intake: UploadSummary | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFailed:
    """A session has no WAV, and gets none without a request; `reason` is written for the caller.

    If it is `retryable`, another finalize tries again. The bytes that were sent are in the bucket if there is an
    `original`.
    """

    NAME: ClassVar[str] = "audio.failed"
    code: str
    reason: str
    manifest_sha256: str
    retryable: bool = False
    original: StoredOriginal | None = None
    intake: UploadSummary | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResult:
    """The transcript and the analysis of a recording in the bucket, whole, as one JSON document."""

    url: str
    object_key: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisCompleted:
    """The score of a recording: how heated the conversation was (1 to 100), the confidence (0 to 1), and why.

    Transcript and evidence are what fits into an event; `result` has all of both, None in events of older versions.
    """

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
    language: str | None = None
    partial: bool = False
    needs_review: bool = False
    evidence: tuple[Evidence, ...] = ()
    channels: tuple[ChannelAnalysis, ...] = ()
    result: StoredResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisFailed:
    """A recording has no score, and gets none without a request; `reason` is written for the caller.

    It has a transcript if there is a `result`.
    """

    NAME: ClassVar[str] = "analysis.failed"
    code: str
    reason: str
    result: StoredResult | None = None


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
