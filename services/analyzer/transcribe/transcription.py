"""Reads the body of a transcription as OpenAI's API gives it: what was said when, in which language, and how surely."""

import math
import unicodedata
from collections.abc import Sequence
from itertools import groupby

from pydantic import BaseModel, FiniteFloat, ValidationError

from services.analyzer.openai_api.errors import UnreadableAnswer
from services.analyzer.spoken_words import spoken_words
from services.analyzer.transcribe.languages import language_tag
from services.analyzer.transcribe.protocol import Heard
from services.analyzer.transcribe.repetition import without_loops
from shared.domain.analysis import TranscriptLine

# Whisper's own rules (openai/whisper, `transcribe.py`) for segments in which nobody speaks, and for loops.
_NO_SPEECH = 0.6
_LIKELY_WORDS = -1.0
_COMPRESSION_OF_LOOPS = 2.4

# More than anyone says in the three minutes of a piece; the rest of what a broken service sends is not read.
_MOST_SEGMENTS = 1000
_LONGEST_TEXT = 20_000  # characters


class _Segment(BaseModel):
    start: FiniteFloat
    end: FiniteFloat
    text: str
    no_speech_prob: FiniteFloat = 0.0
    avg_logprob: FiniteFloat | None = None
    compression_ratio: FiniteFloat = 0.0


class _Body(BaseModel):
    text: str
    language: str | None = None
    segments: tuple[_Segment, ...] | None = None


def parse_transcription(body: str, *, seconds: float) -> Heard:
    """Return the transcription of a piece of that length; without segments its text is one line.

    The SDK accepts any shape for the one that it expects, so it is validated here: raises UnreadableAnswer.
    """
    try:
        parsed = _Body.model_validate_json(body)
    except ValidationError:
        raise UnreadableAnswer from None
    language = language_tag(parsed.language)
    if not parsed.segments:
        text = _plain(parsed.text)
        whole = TranscriptLine(start=0.0, end=seconds, text=text)
        return Heard(lines=(whole,) if text else (), language=language)
    segments = _without_loops([item for item in parsed.segments[:_MOST_SEGMENTS] if _is_speech(item)])
    lines = tuple(TranscriptLine(start=item.start, end=item.end, text=_plain(item.text)) for item in segments)
    sure = [math.exp(min(item.avg_logprob, 0.0)) for item in segments if item.avg_logprob is not None]
    return Heard(lines=lines, confidences=tuple(sure) if len(sure) == len(lines) else (), language=language)


def _plain(text: str) -> str:
    """Return the text without loops and without control characters, which a terminal that shows it would obey."""
    shown = "".join(" " if unicodedata.category(character) == "Cc" else character for character in text[:_LONGEST_TEXT])
    return " ".join(without_loops(shown.split(), key=str))


def _is_speech(segment: _Segment) -> bool:
    likely = 0.0 if segment.avg_logprob is None else segment.avg_logprob
    return segment.no_speech_prob <= _NO_SPEECH or likely >= _LIKELY_WORDS


def _without_loops(segments: Sequence[_Segment]) -> list[_Segment]:
    """Return the segments; of those that come again and again in a row, as no speaker says them, the first alone.

    In a text that compresses well the second one is a loop already.
    """
    kept: list[_Segment] = []
    for _, run in groupby(segments, key=lambda item: spoken_words(item.text)):
        same = list(run)
        compressed = max(item.compression_ratio for item in same) > _COMPRESSION_OF_LOOPS
        kept += same[:1] if compressed else same
    return without_loops(kept, key=lambda item: item.text)
