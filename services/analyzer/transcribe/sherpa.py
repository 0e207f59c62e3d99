"""The transcriber for a speech model of the operator's own (`MODEL_DIR`)."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from services.analyzer.audio_piece import AudioPiece
from services.analyzer.model_process.models import LocalModels
from services.analyzer.transcribe.languages import language_tag
from services.analyzer.transcribe.model_folder import ModelFolder
from services.analyzer.transcribe.protocol import Heard
from services.analyzer.transcribe.repetition import without_loops
from services.analyzer.transcribe.sentences import Word, sentences
from shared.audio.pcm import BYTES_PER_SECOND
from shared.domain.analysis import TranscriptLine
from shared.domain.errors import Permanent, RoomtoneError, Unavailable

_LOADING_SECONDS = 120.0  # gigabytes from a slow disk
_SHARE = 4.0  # of a piece's length that the model may take beyond the deadline: models of one's own may be large


@dataclass(frozen=True, slots=True)
class _Answer:
    """The answer of the task `transcribe_with`."""

    text: str
    language: str
    log_probabilities: tuple[float, ...]


_ANSWER = TypeAdapter(_Answer)


class SherpaTranscriber:
    """Transcribes one piece at a time in the models' process, with the model of a folder.

    `language` (BCP 47) is what the model is told, or else knows; without it the model tells the language, or nothing
    does. Nothing decides here whether the model knows the language that is spoken.
    """

    longest_piece_seconds = 28.0  # Whisper's models take 30
    pause_seconds = 0.35

    def __init__(self, models: LocalModels, folder: ModelFolder, language: str | None) -> None:
        self._models = models
        self._name = f"sherpa-onnx/{folder.name}"
        self._language = language
        self._path = Path(folder.files["tokens"]).resolve().parent
        self._kind = folder.kind.value
        self._wanted = ", ".join(sorted(Path(file).name for file in folder.files.values()))
        described = {"kind": folder.kind, "files": dict(folder.files), "language": language or ""}
        self._description = json.dumps(described).encode()

    @property
    def name(self) -> str:
        """The folder's name, after `sherpa-onnx/`."""
        return self._name

    @property
    def languages(self) -> Sequence[str]:
        """The language that the operator names."""
        return () if self._language is None else (self._language,)

    async def check(self) -> None:
        """Load the model and try it with a second of silence; raises Permanent if it can't be used.

        Files that sherpa-onnx can't read end the models' process, which a job would try again and again.
        """
        try:
            await self._answer(bytes(BYTES_PER_SECOND), seconds=_LOADING_SECONDS)
        except RoomtoneError as exc:
            raise Permanent(
                f"MODEL_DIR: the model in {self._path} can't be used: sherpa-onnx failed with it. The folder must hold "
                f"one whole model of the kind {self._kind} ({self._wanted}): unpack it anew, or leave MODEL_DIR empty.",
                code=exc.code,
            ) from exc

    async def transcribe(self, piece: AudioPiece) -> Heard:
        """Return the piece's sentences; raises what `LocalModels.run` raises."""
        answer = await self._answer(piece.pcm, seconds=_SHARE * piece.seconds)
        words = without_loops([Word(word, ()) for word in answer.text.split()], lambda word: word.text)
        said = sentences(words, piece.speech)
        sure = _mean_probability(answer.log_probabilities)
        return Heard(
            lines=tuple(
                TranscriptLine(start=item.start, end=item.end, text=" ".join(word.text for word in item.words))
                for item in said
            ),
            confidences=() if sure is None else (sure,) * len(said),
            language=language_tag(answer.language.strip("<|>")) if answer.language else None,
        )

    async def _answer(self, pcm: bytes, *, seconds: float) -> _Answer:
        content = await self._models.run("transcribe_with", self._description + b"\n" + pcm, seconds=seconds)
        try:
            return _ANSWER.validate_json(content)
        except ValidationError as exc:
            raise Unavailable("The speech model's answer can't be read.", code="model_failed") from exc


def _mean_probability(log_probabilities: Sequence[float]) -> float | None:
    """Return the geometric mean, or None where the model tells nothing."""
    if not log_probabilities:
        return None
    return round(min(1.0, math.exp(sum(log_probabilities) / len(log_probabilities))), 3)
