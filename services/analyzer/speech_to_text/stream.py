"""A transcription as server-sent events, each line's words as soon as it is plain that they are understood."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import structlog

from services.analyzer.score.protocol import TranscribedRecording
from services.analyzer.speech_to_text.formats import diarized_segments
from services.analyzer.speech_to_text.schemas import ErrorBody, TextDelta, TextDone, error_details
from services.analyzer.transcribe.line_teller import OnLine
from shared.domain.analysis import TranscriptLine
from shared.domain.errors import Permanent, RoomtoneError
from shared.http.responses import type_adapter

log = structlog.stdlib.get_logger(__name__)

_WAITING_LINES = 1000  # of a client that reads slower than its recording is understood; then the model waits

Transcribe = Callable[[OnLine], Awaitable[TranscribedRecording]]
"""Transcribes a whole file and tells each line as soon as it is known; raises a RoomtoneError."""


async def transcription_events(transcribe: Transcribe, *, diarized: bool = False) -> AsyncIterator[bytes]:
    """Yield `transcript.text.delta` for each line and `transcript.text.done` at the end, or an error event.

    A diarized stream has each line as `transcript.text.segment` too, before the end: speakers are known only then.
    """
    lines: asyncio.Queue[TranscriptLine | None] = asyncio.Queue(_WAITING_LINES)
    working = asyncio.create_task(_until_the_end(transcribe, lines))
    first = True
    try:
        while (line := await lines.get()) is not None:
            yield _event(TextDelta(delta=line.text if first else f" {line.text}"))
            first = False
        recording = await working
        for segment in diarized_segments(recording.transcript.segments) if diarized else ():
            yield _event(segment)
        yield _event(TextDone(text=" ".join(line.text for line in recording.transcript.segments)))
    except RoomtoneError as exc:
        yield _event(ErrorBody(error=error_details(exc)))
    except Exception:
        log.exception("unexpected failure in a stream")
        failure = Permanent("Something failed on the server: try again.", code="internal")
        yield _event(ErrorBody(error=error_details(failure)))
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError, RoomtoneError):
            await working


async def _until_the_end(transcribe: Transcribe, lines: asyncio.Queue[TranscriptLine | None]) -> TranscribedRecording:
    try:
        return await transcribe(lines.put)
    finally:
        await lines.put(None)


def _event(body: object) -> bytes:
    return b"data: " + type_adapter(type(body)).dump_json(body) + b"\n\n"
