"""Rates lines by meaning: sentence vectors and the head's numbers, with precise phrases as a second opinion."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import structlog

from services.analyzer.score.words.calming import calming_kinds
from services.analyzer.score.words.encoder import Encoder, EncoderUnavailableError, load_encoder
from services.analyzer.score.words.head import GRAVE, KINDS, NAMED_FROM, PEACEFUL, PROBE, Floats, Head, load_head
from services.analyzer.score.words.levels import at_level
from services.analyzer.score.words.lexicon_rater import LexiconWords
from services.analyzer.score.words.phrases import heat_with_phrases, phrase_heats
from services.analyzer.score.words.pieces import MOST_WORDS, pieces_of
from services.analyzer.score.words.protocol import LineWords

_log = structlog.get_logger()

NAME = "words-minilm-5"

_LEAST_PROBE_COSINE = 0.97  # between processors; with other weights it is below 0.5
_SHORT = 3  # words: fewer say nothing by themselves
_GRAVE_FROM = 0.4
_UNNAMED = ((0.6, "hostility"), (0.4, "tension"))  # what a line that is so hot has where no kind is sure
_MOST_BY_NEIGHBOURS = 0.15  # of heat: who answers an insult kindly is not heated by it
_HOTTEST_PIECE = 0.75  # the weight of a long line's hottest piece against the mean of its pieces
_THREADS = 2  # that encode texts: a recording's words are rated when nothing of it is left to transcribe


class WordsCore(Protocol):
    """The part of a words' rater that computes: no waiting, any thread."""

    name: str

    def rate(self, lines: Sequence[str]) -> list[LineWords]:
        """Return one rating for each line, in order."""


def load_words_model(weights: Path | None = None) -> WordsCore:
    """Load the model, or the lexicon (whose name says so) where the model's packages are missing or wrong."""
    try:
        encoder = load_encoder(weights)
        head = load_head()
        check_probe(encoder, head)
    except (EncoderUnavailableError, OSError, KeyError, ValueError) as error:
        _log.warning("words_by_lexicon", reason=str(error))
        return LexiconWords()
    return WordsModel(encoder, head)


def check_probe(encoder: Encoder, head: Head) -> None:
    """Raise EncoderUnavailableError if the encoder's vectors of PROBE are not those that the head was fitted to."""
    got, stored = encoder.encode(PROBE), head.probe
    cosines = (got * stored).sum(axis=1) / (np.linalg.norm(got, axis=1) * np.linalg.norm(stored, axis=1))
    if not cosines.min() >= _LEAST_PROBE_COSINE:
        raise EncoderUnavailableError("this machine's processor computes the words' model otherwise than it was fitted")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a line, what is said before and after it, and its line's place in the conversation."""

    line: int
    text: str
    before: str
    after: str

    @property
    def with_context(self) -> str:
        """The text between what is said before and after it."""
        return " ".join((self.before, self.text, self.after))


class WordsModel:
    """Rates by meaning; each line is read alone and with its neighbours."""

    name = NAME

    def __init__(self, encoder: Encoder, head: Head) -> None:
        self._encoder = encoder
        self._head = head
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="words")

    def rate(self, lines: Sequence[str]) -> list[LineWords]:
        """Return one rating for each line, in order; about 12 ms of CPU a line, the same numbers for the same lines."""
        pieces = _pieces(lines)
        predicted = self._predict(pieces)
        of_line: list[list[int]] = [[] for _ in lines]
        for index, piece in enumerate(pieces):
            of_line[piece.line].append(index)
        rated = [self._line(predicted[mine], [pieces[i].text for i in mine]) for mine in of_line]
        return _warmed_by_neighbours(lines, rated)

    def _predict(self, pieces: Sequence[_Piece]) -> Floats:
        if not pieces:
            return np.zeros((0, 1 + len(KINDS)), np.float32)
        texts = [piece.text for piece in pieces]
        exchanges = [piece.with_context for piece in pieces if piece.before or piece.after]
        encoded = list(self._threads.map(self._encoder.encode, texts + exchanges))
        own, rest = encoded[: len(pieces)], iter(encoded[len(pieces) :])
        context = [
            next(rest) if piece.before or piece.after else vectors for piece, vectors in zip(pieces, own, strict=True)
        ]
        alone = self._head.predict(np.stack(own), np.stack(own))
        beside = self._head.predict(np.stack(own), np.stack(context))
        bounded: Floats = np.minimum(beside, alone + np.float32(_MOST_BY_NEIGHBOURS))
        return bounded

    def _line(self, predicted: Floats, texts: Sequence[str]) -> LineWords:
        heats = np.clip(predicted[:, 0], 0, 1)
        phrases = [phrase_heats(piece) for piece in texts]
        said = zip(heats, texts, phrases, strict=True)
        heats = at_level(np.array([heat_with_phrases(float(heat), piece, found) for heat, piece, found in said]))
        words = np.array([max(len(piece.split()), 1) for piece in texts])
        hottest = int(heats.argmax())
        heat = _HOTTEST_PIECE * float(heats.max()) + (1 - _HOTTEST_PIECE) * float(np.average(heats, weights=words))
        kinds = self._kinds(heat, predicted.max(axis=0), phrases)
        kinds += tuple(kind for kind in calming_kinds(" ".join(texts)) if kind not in kinds and heat < NAMED_FROM)
        return LineWords(heat=round(heat, 4), kinds=kinds, quote=" ".join(texts[hottest].split()) if kinds else "")

    def _kinds(self, heat: float, scores: Floats, phrases: Sequence[dict[str, float]]) -> tuple[str, ...]:
        surplus = {
            kind: float(score - least)
            for kind, score, least in zip(KINDS, scores[1:], self._head.thresholds, strict=True)
            if score >= least
        }
        for found in phrases:
            for kind, phrase_heat in found.items():
                surplus[kind] = max(surplus.get(kind, 0.0), phrase_heat)
        named = sorted((kind for kind in surplus if heat >= _least_heat(kind)), key=lambda kind: -surplus[kind])
        if PEACEFUL.issuperset(named):
            named += [word for least, word in _UNNAMED if heat >= least][:1]
        return tuple(named)


def _least_heat(kind: str) -> float:
    """Return the heat from which on a line may be of a kind."""
    if kind in PEACEFUL:
        return 0.0
    return _GRAVE_FROM if kind in GRAVE else NAMED_FROM


def _pieces(lines: Sequence[str]) -> list[_Piece]:
    cut = [(index, text) for index, line in enumerate(lines) for text in pieces_of(line)]
    texts = ["", *(text for _, text in cut), ""]
    return [
        _Piece(line, text, " ".join(before.split()[-MOST_WORDS:]), " ".join(after.split()[:MOST_WORDS]))
        for (line, text), before, after in zip(cut, texts, texts[2:], strict=False)
    ]


def _warmed_by_neighbours(lines: Sequence[str], rated: list[LineWords]) -> list[LineWords]:
    """Return the ratings, those of lines with hardly a word half from the lines beside them."""
    short = [len(line.split()) < _SHORT for line in lines]
    warmed = list(rated)
    for index in range(len(lines)):
        if not short[index]:
            continue
        beside = [rated[i].heat for i in (index - 1, index + 1) if 0 <= i < len(lines) and not short[i]]
        spoken = max(phrase_heats(lines[index]).values(), default=0.0)
        if beside:
            around = sum(beside) / len(beside)
            warmed[index] = replace(rated[index], heat=max(spoken, (rated[index].heat + around) / 2))
    return warmed
