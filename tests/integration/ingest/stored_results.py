"""Recordings that were analyzed, stored without an analyzer: a transcript, an analysis, and their events."""

from shared.catalog.event_store import EventStore
from shared.domain.analysis import Analysis, ChannelAnalysis, Evidence, TimelineWindow, Transcript, TranscriptLine
from shared.domain.envelope import Envelope, make_envelope
from shared.domain.events import AudioReady, Event
from shared.domain.identifiers import SessionKey
from shared.domain.result import RecordingResult
from shared.domain.result_events import result_envelope
from shared.observability.trace import new_trace

SCORED_AT = "2026-01-01T00:01:00.000Z"
TRANSCRIPT = Transcript(
    language="en",
    engine="some-model",
    segments=(
        TranscriptLine(
            start=0.5, end=2.25, text="Mörning.", channel="agent", speaker="agent", speaker_source="channel"
        ),
        TranscriptLine(start=61.0, end=62.5, text="Is 2 < 3 & so on?"),
    ),
)
ANALYSIS = Analysis(
    temperature=61,
    confidence=0.5,
    summary="Heated.",
    scorer="some-scorer",
    reason_codes=("demand",),
    needs_review=True,
    evidence=(Evidence(start=0.5, end=2.25, channel="agent", quote="Mörning", reason="demand"),),
    timeline=(TimelineWindow(start=0, end=10, temperature=61),),
    channels=(
        ChannelAnalysis(
            name="agent",
            temperature=61,
            talk_seconds=1.75,
            talk_share=1,
            overlap_seconds=0,
            interruptions=0,
            longest_monologue_seconds=1.75,
        ),
    ),
    silence_seconds=58.75,
)
READY = AudioReady(
    url="https://bucket.example/x",
    filename="x.wav",
    object_key="x.wav",
    size_bytes=44,
    sha256="0" * 64,
    duration_seconds=63,
    manifest_sha256="0" * 64,
)


def envelope(session: str, event: Event, *, tenant: str = "default", lead: str | None = None) -> Envelope:
    key = SessionKey(tenant, session)
    return make_envelope("test", key, event, cause="x", trace=new_trace(), lead=lead)


async def analyzed(
    events: EventStore,
    session: str,
    *,
    transcript: Transcript = TRANSCRIPT,
    analysis: Analysis | None = ANALYSIS,
    tenant: str = "default",
    lead: str | None = None,
) -> str:
    """Store a session's result and append its events, as assembler and analyzer do; returns the session."""
    await events.append(envelope(session, READY, tenant=tenant, lead=lead))
    result = RecordingResult(
        tenant=tenant,
        session=session,
        lead=lead,
        cause="0" * 32,
        audio_time=SCORED_AT,
        timestamp=SCORED_AT,
        transcript=transcript,
        analysis=analysis,
    )
    assert await events.append(result_envelope(result, await events.results.put(result), new_trace()))
    return session
