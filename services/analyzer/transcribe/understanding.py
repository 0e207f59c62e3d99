"""Decides whether speech was understood: whether the model knows its language, and for how much of it there are words.

A model of one language turns any other into fluent words that nobody said; what gives it away is how unsure it is of
each. Over English of 15 synthetic voices the mean log probability of a token is -0.25 (-0.36 with noise 20 dB below
the speech, -0.34 over a telephone), over 20 other languages -0.8 to -1.2; the words themselves tell far less.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.analyzer.audio_piece import AudioPiece
from services.analyzer.transcribe.protocol import Heard

_FOREIGN = -0.60  # mean log probability: of 5 sentences, English has -0.51 at worst, Dutch -0.67 at best
_FEW = 0.6  # divided by the number of tokens: the fewer there are, the less likely they must be
_DOUBTFUL = 0.08  # above that limit; an accent, noise, or another language after all
_WINDOW = 40  # tokens, some 10 s of speech, that are judged together
_MOSTLY, _PARTLY = 0.5, 0.1  # shares of the speech that make all of it foreign, or leave a part of it out
_FEWEST_WORDS = 1.0  # for each second of speech; usual are 2.2 to 3
_SHORT = 2.0  # seconds of speech in a piece: a laugh or a cough has no words
_COVERED = 0.9
_LIKELY = 0.42  # confidence of a line: no clean one of 331 is below, 2 % are in noise, with 4 of 5 words wrong


@dataclass(frozen=True, slots=True)
class HeardPiece:
    """What matters of a piece for the decision: seconds of speech, words, tokens and the sum of their logarithms."""

    speech_seconds: float
    words: int
    tokens: int
    log_probability: float

    @classmethod
    def of(cls, piece: AudioPiece, heard: Heard) -> "HeardPiece":
        """Sum up what a transcriber understood of a piece."""
        return cls(
            speech_seconds=piece.speech_seconds,
            words=sum(_word_count(line.text) for number, line in enumerate(heard.lines) if is_likely(heard, number)),
            tokens=len(heard.log_probabilities),
            log_probability=sum(heard.log_probabilities),
        )


@dataclass(frozen=True, slots=True)
class Understanding:
    """The decision about one channel.

    `foreign`: the speech is in a language that the model does not know. `strange` are the numbers of single pieces that
    seem to be, where the rest is not. `doubtful`: it may be foreign. `coverage` is the share of the speech that has
    words, 1 where there is no speech.
    """

    foreign: bool = False
    strange: frozenset[int] = frozenset()
    doubtful: bool = False
    coverage: float = 1.0

    @property
    def partial(self) -> bool:
        """Whether some speech was heard and not understood."""
        return self.doubtful or bool(self.strange) or self.coverage < _COVERED


def is_likely(heard: Heard, number: int) -> bool:
    """Whether a line may be what was said; a model that tells no probabilities of its tokens is believed."""
    return not heard.log_probabilities or heard.confidences[number] >= _LIKELY


def _word_count(text: str) -> int:
    """Return the number of words; of scripts that write none apart, two signs count as one."""
    unspaced = sum("\u3040" <= sign <= "\u9fff" or "\u0e00" <= sign <= "\u0eff" for sign in text)
    return unspaced // 2 + len(text.split())


def understanding(pieces: Sequence[HeardPiece]) -> Understanding:
    """Decide over the pieces of one channel; a model that tells no probabilities knows every language."""
    seconds = sum(piece.speech_seconds for piece in pieces)
    if not seconds:
        return Understanding()
    strange = {number for number in range(len(pieces)) if _limit_passed(_around(pieces, number)) < 0}
    share = sum(pieces[number].speech_seconds for number in strange) / seconds
    above = _limit_passed(pieces)
    missed = sum(
        piece.speech_seconds
        for piece in pieces
        if piece.speech_seconds >= _SHORT and piece.words < _FEWEST_WORDS * piece.speech_seconds
    )
    return Understanding(
        foreign=above < 0 or share >= _MOSTLY,
        strange=frozenset(strange) if share >= _PARTLY else frozenset(),
        doubtful=above < _DOUBTFUL,
        coverage=1 - missed / seconds,
    )


def _around(pieces: Sequence[HeardPiece], number: int) -> Sequence[HeardPiece]:
    """Return a piece with its neighbours, as many on both sides as it takes to have a window of tokens."""
    first, last = number, number
    while sum(piece.tokens for piece in pieces[first : last + 1]) < _WINDOW and (first > 0 or last + 1 < len(pieces)):
        first, last = max(first - 1, 0), min(last + 1, len(pieces) - 1)
    return pieces[first : last + 1]


def _limit_passed(pieces: Sequence[HeardPiece]) -> float:
    """Return how far the mean log probability of the pieces' tokens lies above the limit."""
    tokens = sum(piece.tokens for piece in pieces)
    if not tokens:
        return 1.0
    mean = sum(piece.log_probability for piece in pieces) / tokens
    return mean - (_FOREIGN - _FEW / tokens)
