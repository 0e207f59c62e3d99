"""What is known of a session: its files in the spool, and what the stream last said of it."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.bus import Bus
from shared.clock import rfc3339
from shared.codec import Envelope
from shared.durable import lock_created
from shared.errors import NotFound, Unavailable
from shared.events import AnalysisCompleted, AnalysisFailed, AudioFailed, AudioReady, Event
from shared.history import last_event
from shared.objects import ObjectStore
from shared.spool import SessionDirectory, Spool
from shared.subjects import SessionKey

Json = Mapping[str, object]

_BUS_SECONDS = 0.5  # a look at the stream takes milliseconds; a frozen bus must not keep the caller


@dataclass(frozen=True, slots=True)
class SpoolView:
    """A session as its directory shows it; `chunks` and `bytes` also after the chunks themselves are erased."""

    finalized: bool
    chunks: int
    bytes: int
    outcome: Envelope | None
    created_at: datetime
    updated_at: datetime


def view_spool(directory: SessionDirectory) -> SpoolView | None:
    """Look at a session's directory, or return None if it holds nothing; blocks."""
    try:
        created = lock_created(directory.lock)
        updated = directory.path.stat().st_mtime
        stored = directory.read_manifest()
        sizes = [chunk.size for chunk in stored.manifest.chunks] if stored else list(directory.sizes().values())
    except FileNotFoundError:
        return None
    if not sizes:  # opened for a chunk that was refused
        return None
    return SpoolView(
        finalized=stored is not None,
        chunks=len(sizes),
        bytes=sum(sizes),
        outcome=directory.read_outcome(),
        created_at=datetime.fromtimestamp(created, UTC),
        updated_at=datetime.fromtimestamp(updated, UTC),
    )


@dataclass(frozen=True, slots=True)
class StatusReader:
    """Answers `GET /sessions/{id}`; without the bus it still tells what the spool knows."""

    spool: Spool
    executor: Executor
    bus: Bus
    store: ObjectStore

    async def read(self, key: SessionKey) -> Json:
        """Return the status document of contracts, section 0; raises NotFound."""
        loop = asyncio.get_running_loop()
        view = await loop.run_in_executor(self.executor, view_spool, self.spool.session(key))
        outcome = view.outcome if view else None
        outcome = outcome or await self._last(key, AudioReady) or await self._last(key, AudioFailed)
        if view is None and outcome is None:
            raise NotFound("There is no such session.")
        analysis = None
        if outcome is not None and isinstance(outcome.event, AudioReady):
            analysis = await self._last(key, AnalysisCompleted) or await self._last(key, AnalysisFailed)
        audio = await self._audio(outcome.event) if outcome and isinstance(outcome.event, AudioReady) else None
        return _document(key, view, outcome, analysis, audio)

    async def _last(self, key: SessionKey, kind: type[Event]) -> Envelope | None:
        try:
            async with asyncio.timeout(_BUS_SECONDS):
                return await last_event(self.bus, key, kind)
        except (Unavailable, TimeoutError):
            return None

    async def _audio(self, audio: AudioReady) -> Json:
        return {
            "url": audio.url,
            "download_url": await self.store.signed_url(audio.object_key),
            "filename": audio.filename,
            "size_bytes": audio.size_bytes,
            "sha256": audio.sha256,
            "duration_seconds": audio.duration_seconds,
        }


def _document(
    key: SessionKey, view: SpoolView | None, outcome: Envelope | None, analysis: Envelope | None, audio: Json | None
) -> Json:
    times = [item.time for item in (outcome, analysis) if item is not None]
    if view is not None:
        times += [view.created_at, view.updated_at]
    return {
        "session_id": key.session,
        "state": _state(view, outcome, analysis),
        "chunks": view.chunks if view else None,
        "bytes": view.bytes if view else None,
        "audio": audio,
        "original": None,
        "analysis": _analysis(analysis),
        "error": _error(outcome, analysis),
        "created_at": rfc3339(min(times)),
        "updated_at": rfc3339(max(times)),
    }


def _state(view: SpoolView | None, outcome: Envelope | None, analysis: Envelope | None) -> str:
    for item in (analysis, outcome):
        match item.event if item else None:
            case AnalysisCompleted():
                return "analyzed"
            case AnalysisFailed() | AudioFailed():
                return "failed"
            case AudioReady():
                return "ready"
            case _:
                continue
    return "finalized" if view is not None and view.finalized else "receiving"


def _analysis(analysis: Envelope | None) -> Json | None:
    match analysis.event if analysis else None:
        case AnalysisCompleted() as done:
            return {
                "temperature": done.temperature,
                "confidence": done.confidence,
                "analysis_summary": done.analysis_summary,
                "timestamp": done.timestamp,
            }
        case _:
            return None


def _error(outcome: Envelope | None, analysis: Envelope | None) -> Json | None:
    for item in (outcome, analysis):
        match item.event if item else None:
            case AudioFailed() | AnalysisFailed() as failed:
                return {"code": failed.code, "message": failed.reason}
            case _:
                continue
    return None
