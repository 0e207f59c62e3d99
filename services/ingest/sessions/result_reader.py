"""Reads the result of a session: from its object, or for an older version's recording from its archived event."""

import asyncio
import hashlib
from dataclasses import dataclass, field

from services.ingest.sessions.status import FoundSession, StatusReader, catalog_unavailable
from shared.catalog.event_store import EventStore
from shared.catalog.record import AnalysisOutcome
from shared.domain.analysis import Analysis, Transcript
from shared.domain.caller import Caller
from shared.domain.envelope import UndecodableEventError
from shared.domain.errors import NotFound, Permanent
from shared.domain.events import AnalysisCompleted, AnalysisFailed, AudioFailed
from shared.domain.identifiers import SessionKey
from shared.domain.object_keys import event_archive_key
from shared.domain.result import UnreadableResultError

_READERS = 4  # at once: the result of a call of ten hours takes some 15 MB while it is read


@dataclass(frozen=True, slots=True)
class ReadResult:
    """A session's transcript and analysis as they were read; `validator` changes whenever they do.

    `silence_seconds` is None where it was not measured: in recordings of older versions.
    """

    transcript: Transcript
    analysis: Analysis | None
    silence_seconds: float | None
    timestamp: str
    validator: str


@dataclass(frozen=True, slots=True)
class ResultReader:
    """Finds and reads the results of sessions that a caller may see."""

    status_reader: StatusReader
    event_store: EventStore
    reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_READERS))

    async def find_transcript(self, key: SessionKey, caller: Caller) -> AnalysisOutcome:
        """Return how the analysis of a session ended that has a transcript.

        Raises NotFound, with the reason, if it has none, and Unavailable while the catalog is away.
        """
        match await self._outcome(key, caller):
            case AnalysisFailed(result=None) as failed:
                raise NotFound(f"There is no transcript: {failed.reason}", code=failed.code)
            case outcome:
                return outcome

    async def find_analysis(self, key: SessionKey, caller: Caller) -> AnalysisCompleted:
        """Return the score of a session; raises NotFound, with the reason, if it has none, and Unavailable."""
        match await self._outcome(key, caller):
            case AnalysisFailed() as failed:
                raise NotFound(f"There is no score: {failed.reason}", code=failed.code)
            case outcome:
                return outcome

    async def _outcome(self, key: SessionKey, caller: Caller) -> AnalysisOutcome:
        found = await self.status_reader.find(key, caller)
        outcome = found.record.analysis if found.record else None
        if outcome is None:
            raise _no_result(found) if found.catalog_available else catalog_unavailable()
        return outcome

    async def read(self, key: SessionKey, outcome: AnalysisOutcome) -> ReadResult:
        """Read the result that an outcome points to; raises NotFound if it is gone from the bucket, and Unavailable."""
        async with self.reading:
            return await self._read_object(key) or await self._read_event(key, outcome)

    async def _read_object(self, key: SessionKey) -> ReadResult | None:
        try:
            found = await self.event_store.results.get(key)
        except UnreadableResultError as exc:
            raise Permanent("The stored result can't be read.", code="result_spoilt") from exc
        if found is None:
            return None
        result = found.result
        silence = result.analysis.silence_seconds if result.analysis else None
        return ReadResult(result.transcript, result.analysis, silence, result.timestamp, found.stored.sha256)

    async def _read_event(self, key: SessionKey, outcome: AnalysisOutcome) -> ReadResult:
        """Read what fitted into the archived event: all that there is of recordings of older versions."""
        if isinstance(outcome, AnalysisFailed):
            raise _gone()
        try:
            event = (await self.event_store.read_archived(event_archive_key(key, AnalysisCompleted.NAME))).event
        except (NotFound, UndecodableEventError) as exc:
            raise _gone() from exc
        if not isinstance(event, AnalysisCompleted):
            raise _gone()
        validator = hashlib.sha256(f"{event.timestamp} {event.transcriber} {event.scorer}".encode()).hexdigest()
        return ReadResult(_transcript(event), _analysis(event), None, event.timestamp, validator)


def _transcript(event: AnalysisCompleted) -> Transcript:
    return Transcript(
        language=event.language,
        engine=event.transcriber,
        partial=event.partial or event.transcript_truncated,
        segments=event.transcript,
    )


def _analysis(event: AnalysisCompleted) -> Analysis:
    return Analysis(
        temperature=event.temperature,
        confidence=event.confidence,
        summary=event.analysis_summary,
        scorer=event.scorer,
        reason_codes=event.reason_codes,
        needs_review=event.needs_review,
        evidence=event.evidence,
        channels=event.channels,
    )


def _no_result(found: FoundSession) -> NotFound:
    """Return the error for a session whose analysis has not ended."""
    match found.record.ended if found.record else None:
        case AudioFailed() as failed:
            return NotFound(f"There is no result: {failed.reason}", code=failed.code)
        case _:
            message = "There is no result yet: GET /sessions/{session_id} tells how far the session is."
            return NotFound(message, code="no_result")


def _gone() -> NotFound:
    return NotFound("The result is not in the bucket any more.", code="result_missing")
