"""A transcriber over OpenAI's API; works with any server that has the same API."""

from collections.abc import Sequence

from pydantic import BaseModel, FiniteFloat, ValidationError

from services.analyzer.openai_api.errors import UnreadableAnswer
from services.analyzer.openai_api.service import ModelService
from services.analyzer.splitter import AudioPiece
from shared.domain.analysis import TranscriptLine

_LONGEST_WITH_TIMES = 180.0  # 5.8 MB, held up to three times while it is sent; a request may have 25 MB
_LONGEST_WITHOUT_TIMES = 30.0  # a line then has no times but its piece's

# Whisper's own rule for segments in which nobody speaks (openai/whisper, `transcribe.py`).
_NO_SPEECH = 0.6
_LIKELY_WORDS = -1.0


class _Segment(BaseModel):
    start: FiniteFloat
    end: FiniteFloat
    text: str
    no_speech_prob: FiniteFloat = 0.0
    avg_logprob: FiniteFloat = 0.0


class _Transcription(BaseModel):
    text: str
    segments: tuple[_Segment, ...] | None = None


class OpenAITranscriber:
    """Transcribes each piece with one request.

    Only Whisper models return timestamps; with other models each piece becomes one line with the piece's own times.
    """

    def __init__(self, service: ModelService, model: str, *, deadline: float) -> None:
        self._service = service
        self._model = model
        self._deadline = deadline
        self._with_times = "whisper" in model.lower()

    @property
    def name(self) -> str:
        """The model's name at its provider, after `openai/`."""
        return f"openai/{self._model}"

    @property
    def longest_piece_seconds(self) -> float:
        """Length in seconds of the longest piece that one request takes."""
        return _LONGEST_WITH_TIMES if self._with_times else _LONGEST_WITHOUT_TIMES

    async def transcribe(self, piece: AudioPiece) -> Sequence[TranscriptLine]:
        """Return the piece's segments; raises Unavailable or Permanent."""
        body = await self._service.transcribe(
            piece.pcm,
            model=self._model,
            with_times=self._with_times,
            timeout=self._deadline + piece.seconds / 2,
        )
        transcription = _parse(body)
        if not transcription.segments:
            return [TranscriptLine(start=0.0, end=piece.seconds, text=transcription.text)]
        return [
            TranscriptLine(start=segment.start, end=segment.end, text=segment.text)
            for segment in transcription.segments
            if segment.no_speech_prob <= _NO_SPEECH or segment.avg_logprob >= _LIKELY_WORDS
        ]


def _parse(text: str) -> _Transcription:
    """Validate the response's body, which the SDK does not do: it accepts any shape for the one it expects."""
    try:
        return _Transcription.model_validate_json(text)
    except ValidationError:
        raise UnreadableAnswer from None
