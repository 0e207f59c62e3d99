"""Decides whether speech was understood: whether the model knows its language, and for how much of it there are words.

A model of one language turns any other into fluent words that nobody said; what gives it away is how unsure it is of
each. Over English of 15 synthetic voices the mean log probability of a token is -0.25 (-0.36 with noise 20 dB below
the speech, -0.34 over a telephone), over 20 other languages -0.8 to -1.2; the words themselves tell far less. A word
that was cut in the middle where a recording begins or ends is as unlikely as a foreign one, and tells nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from services.analyzer.audio_piece import AudioPiece
from services.analyzer.transcribe.protocol import Heard
from shared.audio.pcm import SAMPLE_RATE

_UNLIKELY = -0.58  # mean log probability: of 5 sentences, English has -0.51 at worst, Dutch -0.67 at best
_ENOUGH, _ENOUGH_CUT = 9, 18  # tokens, some 2 and 4 s of speech: fewer are not called another language
_LONG = 5.0  # seconds of speech, unless they last as long: then the rest was a loop
# Divided by the number of tokens: fewer than a window must be less likely to be called that, and less likely still
# where the recording cuts words at its edges: of 81 such pieces of English of 2 to 4 s, 8 have less than -0.85.
_SURER, _SURER_CUT = 3.0, 4.0
_SURER_IN_NOISE = 0.5  # English in white noise 5 to 8 dB below it has down to -1.0, other languages -0.8 to -1.8
_DOUBTFUL = 0.08  # above that limit; an accent, noise, or another language after all
_WINDOW = 40  # tokens, some 10 s of speech, that are judged together
_MOSTLY, _PARTLY = 0.5, 0.1  # shares of the speech that decide over all of it, or leave a part of it out
_FEWEST_WORDS = 1.0  # for each second of speech; usual are 2.2 to 3
_SHORT = 2.0  # seconds of speech in a piece: a laugh or a cough has no words
_COVERED = 0.9
_LIKELY = 0.42  # confidence of a line: no clean one of 331 is below, 2 % are in noise, with 4 of 5 words wrong
_EDGE = 0.15  # seconds: speech that is this near to the recording's edge may be cut by it
_LAST_MOMENT = 0.02  # seconds at a piece's edge: a word is cut there if they are
_LOUD = 0.1  # times as loud as the piece


@dataclass(frozen=True, slots=True)
class Tokens:
    """How many tokens there are, and the sum of the logarithms of their probabilities."""

    count: int = 0
    log_probability: float = 0.0

    @classmethod
    def of(cls, log_probabilities: Sequence[float]) -> "Tokens":
        """Sum up the tokens with these logarithms."""
        return cls(len(log_probabilities), sum(log_probabilities))

    def __add__(self, other: "Tokens") -> "Tokens":
        """Return both together."""
        return Tokens(self.count + other.count, self.log_probability + other.log_probability)

    def __sub__(self, other: "Tokens") -> "Tokens":
        """Return the rest without the other's."""
        return Tokens(self.count - other.count, self.log_probability - other.log_probability)


@dataclass(frozen=True, slots=True)
class HeardPiece:
    """What matters of a piece for the decision: where its speech starts and ends, its seconds, words and tokens.

    Times are seconds from the recording's start; `first_word` and `last_word` are the tokens of these words,
    `loud_edges` says whether the first and the last samples are as loud as speech.
    """

    start: float
    end: float
    speech_seconds: float
    words: int
    tokens: Tokens
    first_word: Tokens = Tokens()
    last_word: Tokens = Tokens()
    loud_edges: tuple[bool, bool] = (True, True)

    @classmethod
    def of(cls, piece: AudioPiece, heard: Heard) -> "HeardPiece":
        """Sum up what a transcriber understood of a piece."""
        first, last = heard.edge_words
        values = heard.log_probabilities
        return cls(
            start=piece.start + piece.speech[0][0],
            end=piece.start + piece.speech[-1][1],
            speech_seconds=piece.speech_seconds,
            words=sum(_word_count(line.text) for number, line in enumerate(heard.lines) if is_likely(heard, number)),
            tokens=Tokens.of(values),
            first_word=Tokens.of(values[:first]),
            last_word=Tokens.of(values[len(values) - last :]),
            loud_edges=_loud_edges(np.frombuffer(piece.pcm, "<i2")),
        )

    def without_cut_words(self, seconds: float) -> "HeardPiece":
        """Return the piece without the tokens of words that the edges of a recording of so many seconds may cut."""
        tokens = self.tokens
        if self.start < _EDGE:
            tokens -= self.first_word
        if self.end > seconds - _EDGE:
            tokens -= self.last_word
        return replace(self, tokens=tokens) if tokens.count > 0 else self


@dataclass(frozen=True, slots=True)
class Understanding:
    """The decision about one channel.

    `foreign`: the speech is in a language that the model does not know. `unclear`: it may be, or it is too little to
    tell, but its words are not likely enough to be what was said. `strange` are the numbers of single pieces of which
    that is true, where the rest is understood. `doubtful`: it may be foreign. `coverage` is the share of the speech
    that has words, 1 where there is no speech.
    """

    foreign: bool = False
    unclear: bool = False
    strange: frozenset[int] = frozenset()
    doubtful: bool = False
    coverage: float = 1.0

    @property
    def in_doubt(self) -> bool:
        """Whether some of the words may be invented."""
        return self.foreign or self.unclear or self.doubtful or bool(self.strange)

    @property
    def partial(self) -> bool:
        """Whether some speech was heard and not understood."""
        return self.unclear or self.doubtful or bool(self.strange) or self.coverage < _COVERED


def is_likely(heard: Heard, number: int) -> bool:
    """Whether a line may be what was said; a model that tells no probabilities of its tokens is believed."""
    return not heard.log_probabilities or heard.confidences[number] >= _LIKELY


def _word_count(text: str) -> int:
    """Return the number of words; of scripts that write none apart, two signs count as one."""
    unspaced = sum("\u3040" <= sign <= "\u9fff" or "\u0e00" <= sign <= "\u0eff" for sign in text)
    return unspaced // 2 + len(text.split())


def _loud_edges(samples: NDArray[np.int16]) -> tuple[bool, bool]:
    """Return whether the first and the last samples of a piece are loud, apart from silence that was added to it."""
    moment = round(_LAST_MOMENT * SAMPLE_RATE)
    sounding = np.flatnonzero(samples)
    if not len(sounding):
        return False, False
    power = np.square(samples[sounding[0] : sounding[-1] + 1].astype(np.float32))
    limit = _LOUD**2 * power.mean()
    return bool(power[:moment].mean() > limit), bool(power[-moment:].mean() > limit)


def _is_cut(pieces: Sequence[HeardPiece], seconds: float) -> bool:
    """Whether a recording of so many seconds begins or ends in the middle of a word."""
    first, last = pieces[0], pieces[-1]
    return (first.start < _EDGE and first.loud_edges[0]) or (last.end > seconds - _EDGE and last.loud_edges[1])


def understanding(heard: Sequence[HeardPiece], recording_seconds: float, *, noisy: bool = False) -> Understanding:
    """Decide over the pieces of one channel; a model that tells no probabilities knows every language.

    Where it is `noisy`, the words that are missed may be English all the same: they are then unclear, not foreign.
    """
    seconds = sum(piece.speech_seconds for piece in heard)
    if not seconds:
        return Understanding()
    circumstances = _Circumstances(noisy, _is_cut(heard, recording_seconds))
    pieces = [piece.without_cut_words(recording_seconds) for piece in heard]
    windows = [_around(pieces, number) for number in range(len(pieces))]
    strange = {number for number, window in enumerate(windows) if _above_limit(_sum(window)) < 0}
    alien = {number for number in strange if circumstances.is_foreign(windows[number])}
    all_tokens = _sum(pieces)
    share = _share(pieces, strange)
    foreign = circumstances.is_foreign(pieces) or _share(pieces, alien) >= _MOSTLY
    missed = sum(
        piece.speech_seconds
        for piece in pieces
        if piece.speech_seconds >= _SHORT and piece.words < _FEWEST_WORDS * piece.speech_seconds
    )
    return Understanding(
        foreign=foreign,
        unclear=not foreign and (_above_limit(all_tokens) < 0 or share >= _MOSTLY),
        strange=frozenset(strange) if share >= _PARTLY else frozenset(),
        doubtful=_above_limit(all_tokens) < _DOUBTFUL,
        coverage=1 - missed / seconds,
    )


def says_enough(heard: Sequence[HeardPiece]) -> bool:
    """Whether pieces have so many tokens that their language is plain, or come from a model that tells none."""
    count = _sum(heard).count
    return count == 0 or count >= _WINDOW


def _around(pieces: Sequence[HeardPiece], number: int) -> Sequence[HeardPiece]:
    """Return a piece with its neighbours, as many on both sides as it takes to have a window of tokens."""
    first, last = number, number
    while _sum(pieces[first : last + 1]).count < _WINDOW and (first > 0 or last + 1 < len(pieces)):
        first, last = max(first - 1, 0), min(last + 1, len(pieces) - 1)
    return pieces[first : last + 1]


def _sum(pieces: Sequence[HeardPiece]) -> Tokens:
    return sum((piece.tokens for piece in pieces), Tokens())


def _share(pieces: Sequence[HeardPiece], numbers: Iterable[int]) -> float:
    """Return the share of the speech that is in the pieces with these numbers."""
    return sum(pieces[number].speech_seconds for number in numbers) / sum(piece.speech_seconds for piece in pieces)


def _above_limit(tokens: Tokens) -> float:
    """Return how far the tokens' mean log probability lies above the limit, 1 without tokens."""
    return tokens.log_probability / tokens.count - _UNLIKELY if tokens.count else 1.0


@dataclass(frozen=True, slots=True)
class _Circumstances:
    """What may be why English is not understood: noise, and words that the recording's edges cut."""

    noisy: bool
    cut: bool

    def is_foreign(self, pieces: Sequence[HeardPiece]) -> bool:
        """Whether pieces have enough tokens or speech, and unlikely enough tokens, to be of another language."""
        tokens = _sum(pieces)
        enough, surer = (_ENOUGH_CUT, _SURER_CUT) if self.cut else (_ENOUGH, _SURER)
        if tokens.count < enough and sum(piece.speech_seconds for piece in pieces) < _LONG:
            return False
        margin = surer / tokens.count if 0 < tokens.count < _WINDOW else 0.0
        return _above_limit(tokens) < -max(margin, _SURER_IN_NOISE if self.noisy else 0.0)
