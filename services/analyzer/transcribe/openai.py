"""A transcriber over OpenAI's API; works with any server that has the same API."""

import hashlib
from collections.abc import Sequence

from services.analyzer.audio_piece import AudioPiece
from services.analyzer.bought_answers import BoughtAnswers
from services.analyzer.openai_api.service import ModelService
from services.analyzer.transcribe.protocol import Heard
from services.analyzer.transcribe.transcription import parse_transcription
from shared.process.tasks import hash_off_loop

_LONGEST_WITH_TIMES = 180.0  # 5.8 MB, held up to three times while it is sent; a request may have 25 MB
_LONGEST_WITHOUT_TIMES = 30.0  # a line then has no times but its piece's
_VERSION = "1"  # of what is asked: another one makes the answers that were kept worthless


class OpenAITranscriber:
    """Transcribes each piece with one request, or with none if `bought` has its answer already.

    Only Whisper models return timestamps; with other models each piece becomes one line with the piece's own times.
    """

    languages: Sequence[str] = ()
    pause_seconds = 5.0  # a longer one is left out: models invent text in it

    def __init__(
        self, service: ModelService, model: str, *, deadline: float, bought: BoughtAnswers | None = None
    ) -> None:
        self._service = service
        self._model = model
        self._deadline = deadline
        self._bought = bought
        self._with_times = "whisper" in model.lower()

    @property
    def name(self) -> str:
        """The model's name at its provider, after `openai/`."""
        return f"openai/{self._model}"

    @property
    def longest_piece_seconds(self) -> float:
        """Length in seconds of the longest piece that one request takes."""
        return _LONGEST_WITH_TIMES if self._with_times else _LONGEST_WITHOUT_TIMES

    def keeping(self, bought: BoughtAnswers) -> "OpenAITranscriber":
        """Return the same transcriber for one session, whose answers are kept in `bought`."""
        return OpenAITranscriber(self._service, self._model, deadline=self._deadline, bought=bought)

    async def transcribe(self, piece: AudioPiece) -> Heard:
        """Return the piece's segments; raises Unavailable or Permanent."""
        if self._bought is None:
            return parse_transcription(await self._buy(piece), seconds=piece.seconds)
        digest = await hash_off_loop(self._digest, piece.pcm)
        answer = await self._bought.get(digest)
        if answer is not None:
            return parse_transcription(answer, seconds=piece.seconds)
        answer = await self._buy(piece)
        transcription = parse_transcription(answer, seconds=piece.seconds)
        await self._bought.put(digest, answer)
        return transcription

    async def _buy(self, piece: AudioPiece) -> str:
        return await self._service.transcribe(
            piece.pcm,
            model=self._model,
            with_times=self._with_times,
            timeout=self._deadline + piece.seconds / 2,
        )

    def _digest(self, pcm: bytes) -> str:
        """Return the SHA-256 of what is asked."""
        asked = f"{_VERSION}\n{self._service.address}\n{self._model}\n{self._with_times}\n".encode()
        return hashlib.sha256(asked + pcm).hexdigest()
