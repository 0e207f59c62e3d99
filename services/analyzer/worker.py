"""The analyzer's queue worker: analyzes every stored WAV once, stores the result and publishes the score."""

from contextlib import aclosing

import structlog

from services.analyzer.analyze import AnalysisResult, Analyzer
from services.analyzer.bought_answers import BoughtAnswers
from services.analyzer.channels_reader import channel_samples
from shared.audio.ffmpeg_process import DecodePolicy
from shared.catalog.event_store import EventStore
from shared.catalog.result_store import FoundResult
from shared.domain.analysis import LANGUAGE_NOT_SUPPORTED
from shared.domain.clock import now, rfc3339
from shared.domain.envelope import Envelope, event_id, make_envelope
from shared.domain.errors import Permanent, RoomtoneError
from shared.domain.events import AnalysisCompleted, AnalysisFailed, AudioReady
from shared.domain.identifiers import SessionKey
from shared.domain.result import RecordingResult, UnreadableResultError
from shared.domain.result_events import not_scored, result_envelope
from shared.messaging.bus import Bus, last_event
from shared.process.failpoints import failpoint

log = structlog.stdlib.get_logger(__name__)

SERVICE = "analyzer"


class AnalysisWorker:
    """Turns `audio.ready` into a stored result and `analysis.completed`, in this order.

    Acknowledged: the score is on the stream, by this delivery or by an earlier one; or the session has the result of a
    newer recording. Retried: the store, the bus or a model is away; on the last try the local scorer stands in for a
    judge that is away. Given up, with `analysis.failed`: audio of another form than the assembler's, a language that is
    not supported, a model that rejects the request for good, and a job that has used up its tries. The ids of both
    events follow from the job's own, so a job that runs twice is published once; a job whose result is stored publishes
    that one. For a deleted session nothing is published or left behind.
    """

    def __init__(self, bus: Bus, event_store: EventStore, analyzer: Analyzer, decoder: DecodePolicy) -> None:
        self._bus = bus
        self._event_store = event_store
        self._results = event_store.results
        self._analyzer = analyzer
        self._decoder = decoder

    async def handle(self, job: Envelope, *, last_try: bool = False) -> None:
        """Analyze one recording, unless its score is published already: an hour of audio is minutes of work."""
        published = await last_event(self._bus, job.key, AnalysisCompleted)
        if published is not None and published.id == event_id(job.key, AnalysisCompleted, job.id):
            return
        if await self._erased(job):
            return
        found = await self._standing(job) or await self._analyze(job, last_try=last_try)
        if found is None:
            return
        if found.result.cause != job.id:
            log.info("the session has a newer recording's result", session=job.key.session)
            return
        failpoint("analyzer.stored")
        await BoughtAnswers(self._event_store, job.key).delete()
        if found.result.analysis is None:
            raise Permanent(not_scored(None).reason, code=LANGUAGE_NOT_SUPPORTED)
        await self._event_store.append(result_envelope(found.result, found.stored, job.trace))
        failpoint("analyzer.told")

    async def give_up(self, job: Envelope, error: RoomtoneError) -> None:
        """Publish `analysis.failed` with the error's code and message, which are fit for every listener.

        A recording whose language is not supported keeps its transcript, which the event then points to.
        """
        found = await self._found(job) if error.code == LANGUAGE_NOT_SUPPORTED else None
        transcript = found.stored if found is not None and found.result.cause == job.id else None
        failed = AnalysisFailed(code=error.code, reason=error.message, result=transcript)
        unscored = make_envelope(SERVICE, job.key, failed, cause=job.id, trace=job.trace, lead=job.lead)
        await self._event_store.append(unscored)

    async def _analyze(self, job: Envelope, *, last_try: bool) -> FoundResult | None:
        """Analyze the job's recording and store the result, unless another one came first; None if it was deleted."""
        if not isinstance(job.event, AudioReady):
            raise Permanent("Only stored recordings are analyzed.", code="wrong_event")
        analyzed = await self._read_and_analyze(job.key, job.event, last_try=last_try)
        failpoint("analyzer.answered")
        if await self._erased(job):
            return None
        if (found := await self._standing(job)) is not None:  # stored in these minutes or hours
            return found
        result = _result(job, analyzed)
        stored = await self._results.put(result)
        log.info(
            "analyzed",
            seconds=round(job.event.duration_seconds, 1),
            temperature=None if result.analysis is None else result.analysis.temperature,
        )
        return FoundResult(result, stored)

    async def _read_and_analyze(self, key: SessionKey, audio: AudioReady, *, last_try: bool) -> AnalysisResult:
        """Analyze both channels of the recording where they were kept, else its WAV."""
        store, analyzer = self._event_store.store, self._analyzer
        if audio.channels is None:
            async with aclosing(store.read(audio.object_key)) as wav:
                return await analyzer.analyze(wav, session=key, last_try=last_try)
        async with aclosing(channel_samples(store, audio.channels, self._decoder)) as samples:
            return await analyzer.analyze_samples(samples, audio.channels.names, session=key, last_try=last_try)

    async def _erased(self, job: Envelope) -> bool:
        """Whether the session was deleted; whatever an earlier delivery had stored by then is erased."""
        if not await self._event_store.is_deleted(job.key):
            return False
        await self._results.delete(job.key)
        await BoughtAnswers(self._event_store, job.key).delete()
        return True

    async def _standing(self, job: Envelope) -> FoundResult | None:
        """Return the stored result that the job must not replace: its own with a score, or a newer recording's."""
        found = await self._found(job)
        if found is None:
            return None
        if found.result.cause == job.id:
            return found if found.result.analysis is not None else None
        return found if found.result.audio_time > rfc3339(job.time) else None

    async def _found(self, job: Envelope) -> FoundResult | None:
        """Return the session's stored result; None also for one that can't be read, which is then replaced."""
        try:
            return await self._results.get(job.key)
        except UnreadableResultError as exc:
            log.warning("a stored result can't be read", session=job.key.session, error=str(exc))
            return None


def _result(job: Envelope, analyzed: AnalysisResult) -> RecordingResult:
    scored = not analyzed.recording.foreign and LANGUAGE_NOT_SUPPORTED not in analyzed.analysis.reason_codes
    return RecordingResult(
        tenant=job.key.tenant,
        session=job.key.session,
        lead=job.lead,
        cause=job.id,
        audio_time=rfc3339(job.time),
        timestamp=rfc3339(now()),
        transcript=analyzed.recording.transcript,
        analysis=analyzed.analysis if scored else None,
    )
