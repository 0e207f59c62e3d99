"""The local transcriber: Moonshine's tiny English model, which is part of its package's wheel."""

from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError

from services.analyzer.model_process.models import LocalModels
from services.analyzer.splitter import AudioPiece
from shared.domain.analysis import TranscriptLine
from shared.domain.errors import Unavailable

_SHARE = 1.0  # of a piece's length that the model may take beyond the deadline; it takes 0.06 on two idle cores
_LINES = TypeAdapter(tuple[tuple[float, float, str], ...])


class MoonshineTranscriber:
    """Transcribes one piece at a time in the models' process."""

    name = "moonshine-tiny-en"
    longest_piece_seconds = 28.0  # the model's memory grows with it: 270 MB at 28 s, 330 MB at 44 s

    def __init__(self, models: LocalModels) -> None:
        self._models = models

    async def transcribe(self, piece: AudioPiece) -> Sequence[TranscriptLine]:
        """Return the piece's sentences; raises what `LocalModels.run` raises."""
        content = await self._models.run("transcribe", piece.pcm, seconds=_SHARE * piece.seconds)
        try:
            lines = _LINES.validate_json(content)
        except ValidationError as exc:
            raise Unavailable("The speech model's answer can't be read.", code="model_failed") from exc
        return [TranscriptLine(start=start, end=end, text=text) for start, end, text in lines]
