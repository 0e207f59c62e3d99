"""The local transcriber: Moonshine's tiny English model, which is part of its package's wheel."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pydantic import TypeAdapter, ValidationError

from services.analyzer.audio_piece import AudioPiece
from services.analyzer.model_process.models import LocalModels
from services.analyzer.transcribe.protocol import Heard
from services.analyzer.transcribe.repetition import is_loop, without_loops
from services.analyzer.transcribe.sentences import Sentence, Word, sentences
from services.analyzer.transcribe.understanding import is_likely
from shared.audio.pcm import BYTES_PER_SECOND, SAMPLE_BYTES, SAMPLE_RATE
from shared.domain.analysis import TranscriptLine
from shared.domain.errors import Unavailable

_SHARE = 1.0  # of a piece's length that the model may take beyond the deadline; it takes 0.06 on an idle core
_FASTEST = 7.0  # words a second of speech; nobody speaks so fast, a model in noise does
_FEWEST = 1.6  # words a second of speech, half of the usual, below which a sentence may be missed; slow speech has 2
_STOPPED = -1.0  # log probability at most of a loop, and of what a decoder that would not end goes on with
# Tokens that it has from the sound if none is a loop: short pieces that end in a cut word have no more.
_BEFORE_LOOP = 16
_WORTH_A_RETRY = 3.0  # seconds of speech


@dataclass(frozen=True, slots=True)
class _Answer:
    """The answer of the task `transcribe`."""

    words: tuple[Word, ...]
    ended: bool


_ANSWER = TypeAdapter(_Answer)


class MoonshineTranscriber:
    """Transcribes one piece at a time in the models' process for speech."""

    name = "moonshine-tiny-en"
    languages = ("en",)
    longest_piece_seconds = 15.0  # the model's own training went to 30 s; 15 s take 250 MB, and errors stay local
    pause_seconds = 0.35  # between two sentences, and mostly between two speakers

    def __init__(self, models: LocalModels) -> None:
        self._models = models

    async def transcribe(self, piece: AudioPiece) -> Heard:
        """Return the piece's sentences; raises what `LocalModels.run` raises.

        A piece with too few words for its speech is tried once more in two halves: the model at times ends early.
        """
        heard = _heard(await self._decoded(piece.pcm), piece.speech)
        if piece.speech_seconds < _WORTH_A_RETRY or _word_count(heard) >= _FEWEST * piece.speech_seconds:
            return heard
        again = Heard()
        for start, pcm, speech in _halves(piece):
            again = _joined(again, _heard(await self._decoded(pcm), speech), start)
        return max(heard, again, key=_likely_words)

    async def _decoded(self, pcm: bytes) -> _Answer:
        content = await self._models.run("transcribe", pcm, seconds=_SHARE * len(pcm) / BYTES_PER_SECOND)
        try:
            return _ANSWER.validate_json(content)
        except ValidationError as exc:
            raise Unavailable("The speech model's answer can't be read.", code="model_failed") from exc


def _heard(answer: _Answer, speech: Sequence[tuple[float, float]]) -> Heard:
    words = without_loops(answer.words, lambda word: word.text)
    values = [value for word in words for value in word.log_probabilities]
    looped = is_loop([word.text for word in words])
    if looped or not answer.ended:
        believed = _BEFORE_LOOP if len(words) == len(answer.words) and not looped else 0
        values[believed:] = [min(value, _STOPPED) for value in values[believed:]]
    said = sentences(words, speech)
    kept = [item for item in said if len(item.words) <= max(_FASTEST * (item.end - item.start), 2)]
    return Heard(
        lines=tuple(TranscriptLine(start=item.start, end=item.end, text=_text(item)) for item in kept),
        confidences=tuple(_confidence(item) for item in kept),
        log_probabilities=tuple(values),
        edge_words=(len(words[0].log_probabilities), len(words[-1].log_probabilities)) if words else (0, 0),
    )


def _joined(first: Heard, second: Heard, start: float) -> Heard:
    """Return both, the second one `start` seconds later."""
    later = (replace(line, start=line.start + start, end=line.end + start) for line in second.lines)
    return Heard(
        lines=(*first.lines, *later),
        confidences=first.confidences + second.confidences,
        log_probabilities=first.log_probabilities + second.log_probabilities,
        edge_words=((first if first.log_probabilities else second).edge_words[0], second.edge_words[1]),
    )


def _halves(piece: AudioPiece) -> Iterator[tuple[float, bytes, list[tuple[float, float]]]]:
    """Yield start, samples and speech of both halves: cut in the gap nearest to the middle, or else in the middle."""
    gaps = [(before[1] + after[0]) / 2 for before, after in pairwise(piece.speech)]
    middle = min(gaps, key=lambda at: abs(at - piece.seconds / 2), default=piece.seconds / 2)
    cut = round(middle * SAMPLE_RATE) * SAMPLE_BYTES
    yield 0.0, piece.pcm[:cut], [(start, min(end, middle)) for start, end in piece.speech if start < middle]
    yield (
        middle,
        piece.pcm[cut:],
        [(max(start - middle, 0.0), end - middle) for start, end in piece.speech if end > middle],
    )


def _word_count(heard: Heard) -> int:
    return sum(len(line.text.split()) for line in heard.lines)


def _likely_words(heard: Heard) -> int:
    """Return the number of words that may have been said: in noise shorter pieces have more, and none of them is."""
    return sum(len(line.text.split()) for number, line in enumerate(heard.lines) if is_likely(heard, number))


def _text(sentence: Sentence) -> str:
    text = " ".join(word.text for word in sentence.words)
    return text[:1].upper() + text[1:] if sentence.begins else text


def _confidence(sentence: Sentence) -> float:
    """Return the geometric mean of the probabilities of a sentence's tokens."""
    values = [value for word in sentence.words for value in word.log_probabilities]
    return round(math.exp(sum(values) / len(values)), 3)
