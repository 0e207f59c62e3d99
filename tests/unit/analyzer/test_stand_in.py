import pytest

from services.analyzer.audio_piece import AudioPiece
from services.analyzer.openai_api.errors import BudgetReached
from services.analyzer.transcribe.protocol import Heard
from services.analyzer.transcribe.stand_in import TranscriberWithStandIn, shorter_pieces
from shared.audio.pcm import BYTES_PER_SECOND
from shared.domain.analysis import TranscriptLine
from shared.domain.errors import Unavailable


class FakeTranscriber:
    """Hears one line in each piece, a second long, or raises; keeps its pieces."""

    languages = ("en",)
    pause_seconds = 0.5

    def __init__(self, name: str, longest: float, error: Exception | None = None) -> None:
        self.name = name
        self.longest_piece_seconds = longest
        self.pieces: list[AudioPiece] = []
        self._error = error

    async def transcribe(self, piece: AudioPiece) -> Heard:
        self.pieces.append(piece)
        if self._error is not None:
            raise self._error
        return Heard(lines=(TranscriptLine(start=0, end=1, text=self.name),), confidences=(0.5,), language="en")


def a_piece(seconds: float, *speech: tuple[float, float]) -> AudioPiece:
    return AudioPiece(100.0, bytes(round(seconds * BYTES_PER_SECOND)), speech or ((0.0, seconds),))


async def test_within_the_budget_the_service_transcribes() -> None:
    service, local = FakeTranscriber("service", 180), FakeTranscriber("local", 15)
    heard = await TranscriberWithStandIn(service, local).transcribe(a_piece(60))
    assert ([line.text for line in heard.lines], heard.engine, heard.notes) == (["service"], None, ())
    assert local.pieces == []


async def test_over_the_budget_the_local_model_transcribes_in_pieces_of_its_length_and_says_so() -> None:
    local = FakeTranscriber("local", 15)
    both = TranscriberWithStandIn(FakeTranscriber("service", 180, BudgetReached()), local)
    heard = await both.transcribe(a_piece(40, (0, 10), (12, 20), (22, 39)))
    assert [line.start for line in heard.lines] == [0, 11, 21, 36]
    assert len(heard.confidences) == 4
    assert (heard.engine, heard.notes, heard.language) == ("local", ("budget_reached",), "en")
    assert all(piece.seconds <= 15 for piece in local.pieces)


async def test_another_failure_of_the_service_is_no_reason_to_stand_in() -> None:
    local = FakeTranscriber("local", 15)
    with pytest.raises(Unavailable):
        await TranscriberWithStandIn(FakeTranscriber("service", 180, Unavailable("away")), local).transcribe(a_piece(9))
    assert local.pieces == []


def test_the_parts_of_a_piece_are_its_speech_and_no_more() -> None:
    parts = list(shorter_pieces(a_piece(60, (1, 8), (50, 58)), 10))
    assert [(part.start, part.seconds, part.speech) for part in parts] == [
        (100, 10, ((1, 8),)),
        (149, 10, ((1, 9),)),
    ]


def test_speech_without_a_gap_is_cut_where_it_gets_too_long() -> None:
    parts = list(shorter_pieces(a_piece(25), 10))
    assert [part.seconds for part in parts] == [10, 10, 5]
    assert b"".join(part.pcm for part in parts) == a_piece(25).pcm


def test_a_piece_that_is_short_enough_stays_whole() -> None:
    piece = a_piece(9)
    assert list(shorter_pieces(piece, 10)) == [piece]
