"""Moonshine's tiny English model, run by its own library; used in the models' process alone."""

import sys
from array import array

from moonshine_voice.moonshine_api import ModelArch
from moonshine_voice.transcriber import Transcriber
from moonshine_voice.utils import get_assets_path

_SAMPLE_RATE = 16_000
_FULL_SCALE = 32768

# The model's voice detector keeps its state between calls: without this silence, a piece begins with a word or
# two of the piece before it (0.4 s of silence leave traces, 0.5 s none; the detector looks back that far).
_SILENCE_AFTER = [0.0] * _SAMPLE_RATE


class SpeechModel:
    """Transcribes one piece a call."""

    def __init__(self) -> None:
        # The audio of every line would come back as a Python list of floats.
        options = {"return_audio_data": "false"}
        self._model = Transcriber(get_assets_path() / "tiny-en", ModelArch.TINY, options=options)

    def transcribe(self, pcm: bytes) -> list[tuple[float, float, str]]:
        """Return start, end and text of each line, in seconds."""
        samples = array("h", pcm)
        if sys.byteorder == "big":
            samples.byteswap()
        audio = [sample / _FULL_SCALE for sample in samples] + _SILENCE_AFTER
        lines = self._model.transcribe_without_streaming(audio, _SAMPLE_RATE).lines
        return [(line.start_time, line.start_time + line.duration, line.text) for line in lines]


def load_speech_model() -> SpeechModel:
    """Load the model from its package's wheel."""
    return SpeechModel()
