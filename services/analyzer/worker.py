"""The analyzer's queue worker: analyzes every stored WAV once and publishes its score and transcript."""

import json
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import asdict

import structlog

from services.analyzer.analyze import AnalysisResult, Analyzer
from shared.catalog.event_store import EventStore
from shared.domain.analysis import TranscriptLine
from shared.domain.clock import now, rfc3339
from shared.domain.envelope import Envelope, event_id, make_envelope
from shared.domain.errors import Permanent, RoomtoneError
from shared.domain.events import AnalysisCompleted, AnalysisFailed, AudioReady
from shared.messaging.bus import Bus, last_event
from shared.process.failpoints import failpoint

log = structlog.stdlib.get_logger(__name__)

SERVICE = "analyzer"
_TRANSCRIPT_BYTES = 256 * 1024


class AnalysisWorker:
    """Turns `audio.ready` into `analysis.completed`.

    Acknowledged: the score is on the stream, by this delivery or by an earlier one. Retried: the store, the bus or a
    model is away. Given up, with `analysis.failed`: a WAV of another form than the assembler's, a model that rejects
    the request for good, and a job that has used up its tries. The ids of both events follow from the job's own, so a
    job that runs twice is published once. For a deleted session nothing is published.
    """

    def __init__(self, bus: Bus, event_store: EventStore, analyzer: Analyzer) -> None:
        self._bus = bus
        self._event_store = event_store
        self._analyzer = analyzer

    async def handle(self, job: Envelope) -> None:
        """Analyze one recording, unless its score is published already: an hour of audio is minutes of work."""
        if not isinstance(job.event, AudioReady):
            raise Permanent("Only stored recordings are analyzed.", code="wrong_event")
        published = await last_event(self._bus, job.key, AnalysisCompleted)
        if published is not None and published.id == event_id(job.key, AnalysisCompleted, job.id):
            return
        if await self._event_store.is_deleted(job.key):
            return
        async with aclosing(self._event_store.store.read(job.event.object_key)) as wav:
            result = await self._analyzer.analyze(wav)
        failpoint("analyzer.answered")
        completed = _completed_event(result)
        scored = make_envelope(SERVICE, job.key, completed, cause=job.id, trace=job.trace, lead=job.lead)
        await self._event_store.append(scored)
        failpoint("analyzer.told")
        log.info("analyzed", seconds=round(result.recording.seconds, 1), temperature=result.analysis.temperature)

    async def give_up(self, job: Envelope, error: RoomtoneError) -> None:
        """Publish `analysis.failed` with the error's code and message, which are fit for every listener."""
        failed = AnalysisFailed(code=error.code, reason=error.message)
        unscored = make_envelope(SERVICE, job.key, failed, cause=job.id, trace=job.trace, lead=job.lead)
        await self._event_store.append(unscored)


def _completed_event(result: AnalysisResult) -> AnalysisCompleted:
    """Return the event, its transcript truncated to 256 KiB, so that it fits into a message on the bus."""
    lines, truncated = truncate_transcript(result.recording.lines, _TRANSCRIPT_BYTES)
    return AnalysisCompleted(
        temperature=result.analysis.temperature,
        confidence=result.analysis.confidence,
        analysis_summary=result.analysis.summary,
        timestamp=rfc3339(now()),
        reason_codes=result.analysis.reason_codes,
        scorer=result.analysis.scorer,
        transcriber=result.recording.transcript.engine,
        transcript=lines,
        transcript_truncated=truncated,
    )


def truncate_transcript(lines: Iterable[TranscriptLine], max_bytes: int) -> tuple[tuple[TranscriptLine, ...], bool]:
    """Return the first lines, as many as fit into `max_bytes` of JSON, and whether any were left out."""
    fitting: list[TranscriptLine] = []
    left = max_bytes
    for line in lines:
        left -= len(json.dumps(asdict(line))) + len(", ")
        if left < 0:
            return tuple(fitting), True
        fitting.append(line)
    return tuple(fitting), False
