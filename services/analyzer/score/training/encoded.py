"""Graded texts as vectors: lines with their contexts, and the utterances of conversations."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from services.analyzer.score.training.data import GradedDialogue, GradedLine
from services.analyzer.score.words.encoder import Encoder
from services.analyzer.score.words.head import Floats
from services.analyzer.score.words.phrases import heat_with_phrases, phrase_heats
from services.analyzer.score.words.pooling import pooling_weights

_THREADS = 2
_DIALOGUE_WEIGHT = 4.0  # of a conversation's grade against a line's
_ALIKE_WEIGHT = 5.0  # of an equation that gives two versions of a conversation the same temperature


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """Texts' own vectors and those of their contexts, n by layers by dimensions."""

    own: Floats
    context: Floats


def encode_lines(encoder: Encoder, lines: Sequence[GradedLine]) -> Encoded:
    """Encode graded lines alone and with their neighbours."""
    return _encoded(encoder, [(line.before, line.text, line.after) for line in lines])


def encode_dialogues(encoder: Encoder, dialogues: Sequence[GradedDialogue]) -> Encoded:
    """Encode the utterances of all dialogues, one after the other, alone and with their neighbours."""
    exchanges: list[tuple[str, str, str]] = []
    for dialogue in dialogues:
        padded = ("", *dialogue.utterances, "")
        exchanges += zip(padded, padded[1:], padded[2:], strict=False)
    return _encoded(encoder, exchanges)


def _encoded(encoder: Encoder, exchanges: Sequence[tuple[str, str, str]]) -> Encoded:
    lines = [text for _, text, _ in exchanges]
    contexts = [" ".join(exchange) for exchange in exchanges]
    different = list(dict.fromkeys(lines + contexts))  # what was heard is often what was written
    with ThreadPoolExecutor(_THREADS) as threads:
        vectors = dict(zip(different, threads.map(encoder.encode, different), strict=True))
    return Encoded(np.stack([vectors[text] for text in lines]), np.stack([vectors[text] for text in contexts]))


class Conversations:
    """Graded conversations and the features of their utterances, one after the other.

    `counted` is the square root of how much each counts, by which the equations of a least-squares fit are multiplied.
    """

    def __init__(self, dialogues: Sequence[GradedDialogue], features: Floats) -> None:
        self.dialogues = dialogues
        self.features = features
        self.heats = np.array([dialogue.heat for dialogue in dialogues], np.float32)
        self.counted = np.sqrt(np.array([_DIALOGUE_WEIGHT * dialogue.weight for dialogue in dialogues], np.float32))
        self._alike = _versions(dialogues)
        self._words = [[len(text.split()) for text in dialogue.utterances] for dialogue in dialogues]
        texts = [text for dialogue in dialogues for text in dialogue.utterances]
        self._phrases = [(text, phrase_heats(text)) for text in texts]

    def pooled(self, of_utterances: Floats, heats: Floats) -> Floats:
        """Return one row for each conversation: its utterances' rows, weighted as the pooling weights their heats."""
        clipped = np.clip(heats, 0, 1).tolist()
        raised = [heat_with_phrases(heat, *said) for heat, said in zip(clipped, self._phrases, strict=True)]
        rows, at = [], 0
        for words in self._words:
            to = at + len(words)
            rows.append(pooling_weights(raised[at:to], words).astype(np.float32) @ of_utterances[at:to])
            at = to
        return np.stack(rows)

    def differences(self, pooled: Floats) -> Floats:
        """Return one row for each pair of versions of a conversation, which should come to 0: how their rows differ."""
        first, second = self._alike
        rows: Floats = np.float32(np.sqrt(_ALIKE_WEIGHT)) * (pooled[first] - pooled[second])
        return rows


def _versions(dialogues: Sequence[GradedDialogue]) -> tuple[list[int], list[int]]:
    """Return the places of each version of a dialogue and of its next one, as two lists: (earlier, later)."""
    latest: dict[str, int] = {}
    pairs: tuple[list[int], list[int]] = ([], [])
    for place, dialogue in enumerate(dialogues):
        if dialogue.id in latest:
            pairs[0].append(latest[dialogue.id])
            pairs[1].append(place)
        latest[dialogue.id] = place
    return pairs
