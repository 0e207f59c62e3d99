"""Guesses who speaks where one channel holds several voices (`GUESS_SPEAKERS`)."""

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import structlog
from pydantic import TypeAdapter, ValidationError

from services.analyzer.model_process.models import LocalModels
from shared.audio.pcm import BYTES_PER_SECOND
from shared.domain.analysis import TranscriptLine
from shared.domain.errors import Permanent, Unavailable

log = structlog.stdlib.get_logger(__name__)

BEGIN, FEED, FINISH = b"b", b"f", b"e"
"""What a request asks for; it stands before the recording's id and the samples."""

ID_BYTES = 16

_BLOCK = 10 * BYTES_PER_SECOND
_SHARE = 4.0  # of the sound's length that it may take beyond the deadline; it takes 0.5
_LAST_SHARE = 0.25  # of the recording's length, to tell all its voices apart at the end
_LONGEST = 2 * 3600 * BYTES_PER_SECOND  # what the diarizer remembers of a recording grows with it

Span = tuple[float, float, int]
"""A stretch of speech: start, end, and the number of its voice."""

_SPANS = TypeAdapter(tuple[Span, ...])


class SpeakerGuesser:
    """Follows the voices of one recording; holds at most a block of 10 s.

    A guess is not worth a recording: where the model fails, or after two hours, no line has a speaker.
    """

    def __init__(self, models: LocalModels) -> None:
        self._models = models
        self._id = secrets.token_bytes(ID_BYTES)
        self._pcm = bytearray()
        self._size = 0
        self._begun = False
        self._failed = False

    async def feed(self, pcm: bytes) -> None:
        """Add whole samples."""
        self._size += len(pcm)
        if self._size > _LONGEST and not self._failed:
            log.warning("speakers are not guessed: the recording is longer than two hours")
            self._failed = True
            self._pcm.clear()
        if self._failed:
            return
        self._pcm += pcm
        while len(self._pcm) >= _BLOCK:
            block = bytes(self._pcm[:_BLOCK])
            del self._pcm[:_BLOCK]
            await self._ask(FEED, block, seconds=_SHARE * len(block) / BYTES_PER_SECOND)

    async def finish(self, lines: Sequence[TranscriptLine]) -> list[TranscriptLine]:
        """Return the lines, each with the voice that is heard most in it: "1" for the first one, "2" and so on."""
        await self._ask(FEED, bytes(self._pcm), seconds=_SHARE * len(self._pcm) / BYTES_PER_SECOND)
        content = await self._ask(FINISH, b"", seconds=_LAST_SHARE * self._size / BYTES_PER_SECOND)
        try:
            spans = _SPANS.validate_json(content) if content else ()
        except ValidationError:
            spans = ()
        return with_speakers(lines, spans)

    async def _ask(self, what: bytes, pcm: bytes, *, seconds: float) -> bytes:
        if self._failed:
            return b""
        try:
            if not self._begun:
                await self._models.run("speakers", BEGIN + self._id)
                self._begun = True
            return await self._models.run("speakers", what + self._id + pcm, seconds=seconds)
        except (Unavailable, Permanent) as exc:
            log.warning("speakers are not guessed", code=exc.code)
            self._failed = True
            return b""


def with_speakers(lines: Sequence[TranscriptLine], spans: Sequence[Span]) -> list[TranscriptLine]:
    """Return the lines with the speakers' numbers in the order in which they first speak."""
    voices = [_voice_of(line, spans) for line in lines]
    numbers: dict[int, str] = {}
    for voice in voices:
        if voice is not None:
            numbers.setdefault(voice, str(len(numbers) + 1))
    return [
        line if voice is None else replace(line, speaker=numbers[voice], speaker_source="guessed")
        for line, voice in zip(lines, voices, strict=True)
    ]


def _voice_of(line: TranscriptLine, spans: Sequence[Span]) -> int | None:
    heard: Counter[int] = Counter()
    for start, end, voice in spans:
        common = min(line.end, end) - max(line.start, start)
        if common > 0:
            heard[voice] += round(common * 1000)
    return heard.most_common(1)[0][0] if heard else None
