"""Transcribes by a model service while the day's budget lasts, and by the local model what it has no room for."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from services.analyzer.audio_piece import AudioPiece
from services.analyzer.openai_api.errors import BudgetReached
from services.analyzer.transcribe.protocol import Heard, Transcriber
from shared.audio.pcm import SAMPLE_BYTES, SAMPLE_RATE


class TranscriberWithStandIn:
    """Has the name and the limits of the model service's transcriber; `local` takes pieces over the day's budget."""

    def __init__(self, service: Transcriber, local: Transcriber) -> None:
        self._service = service
        self._local = local

    @property
    def name(self) -> str:
        """The service's model."""
        return self._service.name

    @property
    def languages(self) -> Sequence[str]:
        """The languages that the service's model knows."""
        return self._service.languages

    @property
    def longest_piece_seconds(self) -> float:
        """Length in seconds of the longest piece that the service takes."""
        return self._service.longest_piece_seconds

    @property
    def pause_seconds(self) -> float:
        """Length in seconds of a pause that ends a piece for the service."""
        return self._service.pause_seconds

    async def transcribe(self, piece: AudioPiece) -> Heard:
        """Return what is said in `piece`, and the reason code `budget_reached` if the local model heard it."""
        try:
            return await self._service.transcribe(piece)
        except BudgetReached as exc:
            heard = Heard(engine=self._local.name, notes=(exc.code,))
        for part in shorter_pieces(piece, self._local.longest_piece_seconds):
            heard = _joined(heard, await self._local.transcribe(part), part.start - piece.start)
        return heard


def shorter_pieces(piece: AudioPiece, longest: float) -> Iterator[AudioPiece]:
    """Yield the parts of a piece with speech, none longer than `longest` seconds, cut between speech where possible."""
    gaps = [(before[1] + after[0]) / 2 for before, after in pairwise(piece.speech)]
    begin = 0.0
    while begin < piece.seconds:
        end = begin + longest
        if end < piece.seconds:
            end = max((gap for gap in gaps if begin < gap <= end), default=end)
        part = _part(piece, begin, min(end, piece.seconds))
        if part.speech:
            yield part
        begin = end


def _part(piece: AudioPiece, begin: float, end: float) -> AudioPiece:
    first, last = (round(at * SAMPLE_RATE) * SAMPLE_BYTES for at in (begin, end))
    return AudioPiece(
        start=piece.start + begin,
        pcm=piece.pcm[first:last],
        speech=tuple(
            (max(start, begin) - begin, min(stop, end) - begin)
            for start, stop in piece.speech
            if start < end and stop > begin
        ),
    )


def _joined(first: Heard, second: Heard, later: float) -> Heard:
    """Return both, the second one so many seconds later."""
    moved = (replace(line, start=line.start + later, end=line.end + later) for line in second.lines)
    return replace(
        first,
        lines=(*first.lines, *moved),
        confidences=first.confidences + second.confidences,
        log_probabilities=first.log_probabilities + second.log_probabilities,
        language=first.language or second.language,
    )
