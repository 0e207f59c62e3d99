"""Graded texts as vectors: lines with their contexts, and the utterances of conversations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.analyzer.score.training.data import GradedDialogue, GradedLine
from services.analyzer.score.words.encoder import Encoder
from services.analyzer.score.words.head import Floats
from services.analyzer.score.words.phrases import heat_with_phrases, phrase_heats
from services.analyzer.score.words.pooling import pooling_weights

_DIALOGUE_WEIGHT = 4.0  # of a conversation's grade against a line's


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
    own = np.stack([encoder.encode(text) for _, text, _ in exchanges])
    context = np.stack([encoder.encode(" ".join(exchange)) for exchange in exchanges])
    return Encoded(own, context)


class Conversations:
    """Graded conversations and the features of their utterances, one after the other.

    `counted` is the square root of how much each counts, by which the equations of a least-squares fit are multiplied.
    """

    def __init__(self, dialogues: Sequence[GradedDialogue], features: Floats) -> None:
        self.dialogues = dialogues
        self.features = features
        self.heats = np.array([dialogue.heat for dialogue in dialogues], np.float32)
        self.counted = np.sqrt(np.array([_DIALOGUE_WEIGHT * dialogue.weight for dialogue in dialogues], np.float32))
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
