"""Fits the head: heat and kinds of lines, from the graded lines and dialogues; everything is deterministic."""

import numpy as np

from services.analyzer.score.training.data import data_sha256, graded_dialogues, graded_lines
from services.analyzer.score.training.encoded import Conversations, encode_dialogues, encode_lines
from services.analyzer.score.training.heat import GAMMA, fit_heat
from services.analyzer.score.training.kinds import fit_kinds, thresholds_of
from services.analyzer.score.words.encoder import Encoder
from services.analyzer.score.words.head import KINDS, NAMED_FROM, PEACEFUL, PROBE, Head, features_of

_LEAST_SCALE = 0.02  # a number of the encoder that hardly varies is not blown up


def fit(encoder: Encoder) -> Head:
    """Return a head fitted to all graded lines and dialogues; some minutes."""
    lines, dialogues = graded_lines(), graded_dialogues()
    of_lines, of_utterances = encode_lines(encoder, lines), encode_dialogues(encoder, dialogues)
    own = np.concatenate([of_lines.own, of_utterances.own])
    context = np.concatenate([of_lines.context, of_utterances.context])
    means = np.stack([own.mean(axis=0), context.mean(axis=0)])
    scales = np.stack([own.std(axis=0), context.std(axis=0)]) + np.float32(_LEAST_SCALE)
    conversations = Conversations(dialogues, features_of(of_utterances.own, of_utterances.context, means, scales))
    rows = features_of(of_lines.own, of_lines.context, means, scales)
    heat = np.array([line.heat for line in lines], np.float32)
    kinds = np.array([[kind in line.kinds for kind in KINDS] for line in lines], np.float32)
    fitted = fit_heat(rows, heat, conversations)
    return Head(
        means=means,
        scales=scales,
        projection=fitted.projection,
        landmarks=fitted.landmarks,
        gamma=GAMMA,
        weights=fitted.weights,
        bias=fitted.bias,
        kind_weights=fit_kinds(rows, kinds),
        kind_shares=kinds.mean(axis=0),
        thresholds=thresholds_of(rows, kinds, heat >= NAMED_FROM, np.isin(KINDS, list(PEACEFUL))),
        probe=encoder.encode(PROBE),
        data_sha256=data_sha256(),
    )
