"""A speech model of the operator's own, run by sherpa-onnx in the models' process."""

import json
from typing import Any

import numpy as np
import sherpa_onnx

from services.analyzer.transcribe.loudness import at_usual_level
from services.analyzer.transcribe.model_folder import ModelKind

_SAMPLE_RATE = 16_000


class SherpaModels:
    """Transcribes one piece a call; keeps the model of the last call loaded."""

    def __init__(self) -> None:
        self._description: bytes = b""
        self._recognizer: Any = None

    def transcribe(self, description: bytes, pcm: bytes) -> dict[str, object]:
        """Return text, language and the logarithms of the tokens' probabilities, as far as the model tells them.

        `description` is JSON: `{"kind", "files", "language"}`.
        """
        if description != self._description:
            self._recognizer = _load(**json.loads(description))
            self._description = description
        stream = self._recognizer.create_stream()
        stream.accept_waveform(_SAMPLE_RATE, at_usual_level(np.frombuffer(pcm, "<i2")))
        self._recognizer.decode_stream(stream)
        result = stream.result
        return {
            "text": result.text,
            "language": result.lang,
            "log_probabilities": [float(value) for value in result.ys_log_probs],
        }


def _load(kind: str, files: dict[str, str], language: str) -> Any:
    options: dict[str, object] = {"num_threads": 1}
    match ModelKind(kind):
        case ModelKind.WHISPER | ModelKind.SENSE_VOICE | ModelKind.COHERE:
            options["language"] = language.partition("-")[0]
        case ModelKind.CANARY:
            options["src_lang"] = options["tgt_lang"] = language.partition("-")[0]
        case ModelKind.TRANSDUCER:
            options["model_type"] = ""  # the files say whether it is one of NeMo's
        case _:
            pass
    return getattr(sherpa_onnx.OfflineRecognizer, f"from_{kind}")(**files, **options)
