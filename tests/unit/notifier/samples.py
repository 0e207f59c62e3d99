"""Events as the notifier receives them, with defaults for all members."""

from datetime import UTC, datetime

from shared.domain.envelope import Envelope
from shared.domain.events import AnalysisCompleted, AudioFailed, AudioReady, ChunkReceived, Event
from shared.domain.identifiers import SessionKey
from shared.observability.trace import new_trace

MOMENT = datetime(2025, 1, 27, 12, 34, 56, 789000, UTC)

AUDIO_READY = AudioReady(
    url="https://bucket.example/audio_abc123.wav",
    filename="audio_abc123.wav",
    object_key="audio_abc123.wav",
    size_bytes=160044,
    sha256="0" * 64,
    duration_seconds=5.0,
    manifest_sha256="1" * 64,
)


def analysis(summary: str = "Calm discussion", timestamp: str = "2025-01-27T12:34:55Z") -> AnalysisCompleted:
    return AnalysisCompleted(
        temperature=75,
        confidence=0.85,
        analysis_summary=summary,
        timestamp=timestamp,
        scorer="words",
        transcriber="moonshine",
    )


def chunk(index: int = 0) -> ChunkReceived:
    return ChunkReceived(
        chunk_index=index, size=32000, sha256="2" * 64, total_chunks=index + 1, total_size=32000 * (index + 1)
    )


def failure(number: int) -> AudioFailed:
    """Return an event that is kept, with its number as the reason."""
    return AudioFailed(code="bad_media", reason=str(number), manifest_sha256="3" * 64)


def happened(
    event: Event,
    *,
    session: str = "abc123",
    tenant: str = "default",
    identity: str = "e1",
    lead: str | None = None,
) -> Envelope:
    return Envelope(
        id=identity,
        source="/roomtone/test",
        time=MOMENT,
        key=SessionKey(tenant, session),
        trace=new_trace(),
        event=event,
        lead=lead,
    )
