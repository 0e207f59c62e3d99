"""The analyzer's work queue: every stored WAV is analyzed once, and its score told to everyone."""

import json
from collections.abc import Iterable
from contextlib import aclosing

import structlog

from services.analyzer.analyze import AnalysisResult, Analyzer
from shared.catalog.event_store import EventStore
from shared.domain.clock import now, rfc3339
from shared.domain.envelope import Envelope, event_id, make_envelope
from shared.domain.errors import Permanent, RoomtoneError
from shared.domain.events import AnalysisCompleted, AnalysisFailed, AudioReady, TranscriptLine
from shared.messaging.bus import Bus, last_event
from shared.process.failpoints import failpoint

_MEMBERS = 60  # bytes of names, numbers and punctuation around a line's text


def truncate_transcript(lines: Iterable[TranscriptLine], most_bytes: int) -> tuple[tuple[TranscriptLine, ...], bool]:
    """Return the lines that fit into `most_bytes` of JSON from the start, and whether any were left out."""
    kept: list[TranscriptLine] = []
    for line in lines:
        most_bytes -= len(json.dumps(line.text)) + _MEMBERS
        if most_bytes < 0:
            return tuple(kept), True
        kept.append(line)
    return tuple(kept), False


log = structlog.stdlib.get_logger(__name__)

SERVICE = "analyzer"
_TRANSCRIPT_BYTES = 256 * 1024


class AnalysisWorker:
    """Turns `audio.ready` into `analysis.completed`.

    Acknowledged: the score is on the stream, by this delivery or by an earlier one. Tried again: the store, the bus
    or a model is away. Given up, with `analysis.failed`: a WAV that is not ours, a model that refuses for good, and
    what has used up its tries. The ids of both events follow from the job's own, so a job that runs twice is told once.
    Of a session that was deleted nothing is told.
    """

    def __init__(self, bus: Bus, chronicle: EventStore, analyst: Analyzer) -> None:
        self._bus = bus
        self._chronicle = chronicle
        self._analyst = analyst

    async def handle(self, job: Envelope) -> None:
        """Analyze one recording, unless its score is known already: an hour of sound is minutes of work."""
        if not isinstance(job.event, AudioReady):
            raise Permanent("Only stored recordings are analyzed.", code="wrong_event")
        told = await last_event(self._bus, job.key, AnalysisCompleted)
        if told is not None and told.id == event_id(job.key, AnalysisCompleted, job.id):
            return
        if await self._chronicle.is_deleted(job.key):
            return
        async with aclosing(self._chronicle.store.read(job.event.object_key)) as wav:
            analysis = await self._analyst.analyze(wav)
        failpoint("analyzer.answered")
        completed = _completed_event(analysis)
        scored = make_envelope(SERVICE, job.key, completed, cause=job.id, trace=job.trace, lead=job.lead)
        await self._chronicle.append(scored)
        failpoint("analyzer.told")
        log.info("analyzed", seconds=round(analysis.recording.seconds, 1), temperature=analysis.score.temperature)

    async def give_up(self, job: Envelope, error: RoomtoneError) -> None:
        """Tell everyone that no score will come of this recording by itself; our errors' messages are fit for all."""
        failed = AnalysisFailed(code=error.code, reason=error.message)
        unscored = make_envelope(SERVICE, job.key, failed, cause=job.id, trace=job.trace, lead=job.lead)
        await self._chronicle.append(unscored)


def _completed_event(analysis: AnalysisResult) -> AnalysisCompleted:
    """Return the event, its transcript short enough for the bus."""
    lines, truncated = truncate_transcript(analysis.recording.lines, _TRANSCRIPT_BYTES)
    return AnalysisCompleted(
        temperature=analysis.score.temperature,
        confidence=analysis.score.confidence,
        analysis_summary=analysis.score.summary,
        timestamp=rfc3339(now()),
        reason_codes=analysis.score.reason_codes,
        scorer=analysis.score.scorer,
        transcriber=analysis.transcriber,
        transcript=lines,
        transcript_truncated=truncated,
    )
