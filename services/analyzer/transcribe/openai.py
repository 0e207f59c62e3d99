"""A transcriber over OpenAI's API; works with any server that has the same API."""

from collections.abc import Sequence

from openai import AsyncOpenAI
from pydantic import BaseModel, ValidationError

from services.analyzer.openai_client import model_call
from services.analyzer.splitter import AudioPiece
from shared.audio.wav import wav_header
from shared.domain.analysis import TranscriptLine
from shared.domain.errors import Unavailable

_LONGEST_WITH_TIMES = 180.0  # 5.8 MB, held up to three times while it is sent; a request may have 25 MB
_LONGEST_WITHOUT_TIMES = 30.0  # a line then has no times but its piece's
_TRIES_IN_FULL = 2  # tries that may take their full timeout before the call is given up

# Whisper's own rule for segments in which nobody speaks (openai/whisper, `transcribe.py`).
_NO_SPEECH = 0.6
_LIKELY_WORDS = -1.0


class _Segment(BaseModel):
    start: float
    end: float
    text: str
    no_speech_prob: float = 0.0
    avg_logprob: float = 0.0


class _Transcription(BaseModel):
    text: str
    segments: tuple[_Segment, ...] | None = None


class OpenAITranscriber:
    """Transcribes each piece with one request.

    Only Whisper models return timestamps; with other models each piece becomes one line with the piece's own times.
    """

    def __init__(self, client: AsyncOpenAI, model: str, *, deadline: float) -> None:
        self._client = client
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
        transcription = _parse(await self._request(piece))
        if transcription.segments is None:
            return [TranscriptLine(start=0.0, end=piece.seconds, text=transcription.text)]
        return [
            TranscriptLine(start=segment.start, end=segment.end, text=segment.text)
            for segment in transcription.segments
            if segment.no_speech_prob <= _NO_SPEECH or segment.avg_logprob >= _LIKELY_WORDS
        ]

    async def _request(self, piece: AudioPiece) -> str:
        timeout = self._deadline + piece.seconds / 2
        async with model_call(within=_TRIES_IN_FULL * timeout):
            response = await self._client.audio.transcriptions.with_raw_response.create(
                file=("piece.wav", wav_header(len(piece.pcm)) + piece.pcm, "audio/wav"),
                model=self._model,
                response_format="verbose_json" if self._with_times else "json",
                timeout=timeout,
            )
            return response.text


def _parse(text: str) -> _Transcription:
    """Validate the response's body, which the SDK does not do: it accepts any shape for the one it expects."""
    try:
        return _Transcription.model_validate_json(text)
    except ValidationError:
        raise Unavailable("The model service's answer can't be read.", code="model_failed") from None
