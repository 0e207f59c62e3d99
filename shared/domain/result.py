"""The result of a recording: its transcript and its analysis in one JSON document, kept beside the WAV.

Inside version 1 members are only added, and readers ignore those that they do not know. The same result is always
written as the same bytes.
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from shared.domain.analysis import Analysis, Transcript
from shared.domain.identifiers import SessionKey


class UnreadableResultError(ValueError):
    """An object under a result's key is no result, or one of a version that this one does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingResult:
    """A session's transcript and analysis; `analysis` is None if the language of the transcript can't be scored.

    `cause` is the id of the `audio.ready` that it is the result of and `audio_time` that event's time, which says
    which of two results of one session is the newer. `timestamp` is when it was scored. Times are RFC 3339.
    """

    version: Literal[1] = 1
    tenant: str
    session: str
    lead: str | None
    cause: str
    audio_time: str
    timestamp: str
    transcript: Transcript
    analysis: Analysis | None

    @property
    def key(self) -> SessionKey:
        """The session's key."""
        return SessionKey(self.tenant, self.session)


_RESULT = TypeAdapter(RecordingResult)


def encode_result(result: RecordingResult) -> bytes:
    """Write a result as JSON in UTF-8."""
    return _RESULT.dump_json(result)


def decode_result(body: bytes) -> RecordingResult:
    """Read a result; raises UnreadableResultError."""
    try:
        return _RESULT.validate_json(body)
    except ValidationError as exc:
        raise UnreadableResultError(f"not a result: {exc.error_count()} faults") from None
