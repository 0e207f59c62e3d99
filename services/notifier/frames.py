"""Builds the WebSocket's text frames: flat JSON objects (docs/contracts.md, sections 1 and 6).

Texts are pure ASCII, non-ASCII characters escaped: a text's length is its size in bytes, and no string that an event
may hold can fail to encode in the middle of a connection.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from shared.domain.clock import rfc3339
from shared.domain.envelope import Envelope
from shared.domain.events import AnalysisCompleted, AnalysisFailed, AudioFailed, AudioReady, ChunkReceived, Event
from shared.domain.subjects import event_filter

Member = str | int | float


@dataclass(frozen=True, slots=True)
class FrameKind:
    """How one type of event is written as a frame: the frame's `event`, and the members taken from the event."""

    name: str
    members: Callable[[Event], Mapping[str, Member]]


def _audio_ready(event: Event) -> Mapping[str, Member]:
    event = cast("AudioReady", event)
    return {"url": event.url, "filename": event.filename, "size_bytes": event.size_bytes}


def _failed(event: Event) -> Mapping[str, Member]:
    event = cast("AudioFailed | AnalysisFailed", event)
    return {"reason": event.reason, "code": event.code}


def _analysis_ready(event: Event) -> Mapping[str, Member]:
    event = cast("AnalysisCompleted", event)
    return {
        "temperature": event.temperature,
        "confidence": event.confidence,
        "analysis_summary": event.analysis_summary,
        "timestamp": event.timestamp,
    }


def _chunk_received(event: Event) -> Mapping[str, Member]:
    event = cast("ChunkReceived", event)
    return {
        "chunk_index": event.chunk_index,
        "size": event.size,
        "total_chunks": event.total_chunks,
        "total_size": event.total_size,
    }


FRAMES: Mapping[type[Event], FrameKind] = {
    AudioReady: FrameKind("audio_ready", _audio_ready),
    AudioFailed: FrameKind("audio_failed", _failed),
    AnalysisCompleted: FrameKind("analysis_ready", _analysis_ready),
    AnalysisFailed: FrameKind("analysis_failed", _failed),
    ChunkReceived: FrameKind("chunk_received", _chunk_received),
}

EVENT_NAMES = frozenset(kind.name for kind in FRAMES.values())
DEFAULT_EVENT_NAMES = EVENT_NAMES - {"chunk_received"}  # progress is many frames a second: only on request

PROGRESS = event_filter(ChunkReceived.NAME)
"""The subject of progress, which is followed as it comes and has no place in the order of events."""

SUBJECTS = tuple(event_filter(kind.NAME) for kind in FRAMES if kind is not ChunkReceived)


def event_frame(kind: FrameKind, envelope: Envelope, sequence: int) -> str:
    """Return an event's frame; `timestamp` is the event's own where it has one, else when it happened."""
    members = kind.members(envelope.event)
    return _text(kind.name, {"session_id": envelope.key.session, **members}, sequence, envelope.time)


def hello_frame(sequence: int, moment: datetime, *, heartbeat_seconds: float) -> str:
    """Return a connection's first frame: all events after this cursor follow, and heartbeats at this interval."""
    return _text("hello", {"heartbeat_seconds": heartbeat_seconds}, sequence, moment)


def heartbeat_frame(sequence: int, moment: datetime) -> str:
    """Return a heartbeat: all events up to this cursor that the listener subscribed to have been sent."""
    return _text("heartbeat", {}, sequence, moment)


def retry_after_frame(sequence: int, moment: datetime, *, seconds: float) -> str:
    """Return the frame of a server that shuts down: reconnect after this many seconds."""
    return _text("retry_after", {"retry_after": seconds}, sequence, moment)


def token_expiring_frame(sequence: int, moment: datetime, *, seconds: int) -> str:
    """Return the warning that the token expires in this many seconds, and the connection with it unless renewed."""
    return _text("token_expiring", {"seconds": seconds}, sequence, moment)


def cursor(sequence: int) -> str:
    """Return the cursor for a stream sequence: the same on every node, opaque to clients."""
    return str(sequence)


def _text(name: str, members: Mapping[str, Member], sequence: int, moment: datetime) -> str:
    frame = {"event": name, **members, "id": cursor(sequence)}
    frame.setdefault("timestamp", rfc3339(moment))
    return json.dumps(frame, separators=(",", ":"))
