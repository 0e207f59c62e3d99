"""Finds what of a session can be listened to: its WAV, and its original as it was sent."""

from services.ingest.api.session_resource import SESSION_ID
from services.ingest.playback.object_playback import PlayableObject, playable_original
from services.ingest.playback.operation import play_operation
from services.ingest.sessions.status import FoundSession, catalog_unavailable
from shared.domain.errors import NotFound, RoomtoneError
from shared.domain.events import AudioFailed, AudioReady

LISTEN = play_operation(
    summary="Listen to the recording of a session", description="Its WAV, of any family.", parameters=[SESSION_ID]
)
LISTEN_ORIGINAL = play_operation(
    summary="Get the original of a session",
    description="The bytes as they were sent, of the families that keep them.",
    parameters=[SESSION_ID],
)


def playable_audio(found: FoundSession) -> PlayableObject:
    """Return a session's WAV; raises NotFound, with the reason, if it has none, and Unavailable."""
    record = found.record
    if record is not None and isinstance(record.ended, AudioReady) and record.ended_at is not None:
        audio = record.ended
        return PlayableObject(
            object_key=audio.object_key,
            filename=audio.filename,
            content_type="audio/wav",
            size_bytes=audio.size_bytes,
            sha256=audio.sha256,
            stored_at=record.ended_at,
        )
    raise _nothing_yet(found, "audio")


def playable_original_of(found: FoundSession) -> PlayableObject:
    """Return a session's original; raises NotFound, with the reason, if it has none, and Unavailable."""
    record = found.record
    ended = record.ended if record else None
    if record is None or ended is None or record.ended_at is None:
        raise _nothing_yet(found, "original")
    if ended.original is None:
        raise NotFound("Sessions of this family keep no original: listen to its audio.", code="no_original")
    return playable_original(ended.original, record.ended_at)


def _nothing_yet(found: FoundSession, what: str) -> RoomtoneError:
    if not found.catalog_available:
        return catalog_unavailable()
    if found.record is not None and isinstance(found.record.ended, AudioFailed):
        return NotFound(f"There is no {what}: {found.record.ended.reason}", code=found.record.ended.code)
    message = f"There is no {what} yet: GET /sessions/{{session_id}} tells how far the session is."
    return NotFound(message, code=f"no_{what}")
