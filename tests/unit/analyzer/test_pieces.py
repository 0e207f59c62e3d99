from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.analyzer.audio_piece import AudioPiece
from services.analyzer.transcribe.pieces import PieceCutter
from services.analyzer.transcribe.voice import Probabilities, VoiceMemory
from tests.unit.analyzer.level_detector import LevelDetector
from tests.unit.analyzer.sound import silence, tone

LONGEST, PAUSE = 6.0, 0.4
BEHIND = bytes(8192)  # a moment of silence that the last piece may end with


async def cut(pcm: bytes, *, pause: float = PAUSE, feeds: list[int] | None = None) -> list[AudioPiece]:
    """Feed `pcm` in the given numbers of samples, then the rest at once."""
    cutter = PieceCutter(LevelDetector(), longest=LONGEST, pause=pause)
    pieces, at = [], 0
    for samples in [*(feeds or []), len(pcm) // 2]:
        pieces += await cutter.feed(pcm[at : at + 2 * samples])
        at += 2 * samples
    return pieces + await cutter.finish()


stretches = st.lists(
    st.tuples(st.integers(1, 9000).map(lambda milliseconds: milliseconds / 1000), st.sampled_from([-15, -40, None])),
    max_size=6,
)


def sound_of(parts: list[tuple[float, int | None]]) -> bytes:
    return b"".join(silence(length) if level is None else tone(length, dbfs=level) for length, level in parts)


@example(parts=[(5.857, -15), (0.096, None)], feeds=[])  # the longest piece is full while speech just ends
@settings(deadline=None, max_examples=60)
@given(parts=stretches, feeds=st.lists(st.integers(0, 60_000), max_size=8))
async def test_pieces_are_the_recordings_own_samples_in_order_without_overlap(
    parts: list[tuple[float, int | None]], feeds: list[int]
) -> None:
    pcm = sound_of(parts)
    pieces = await cut(pcm, feeds=feeds)
    for piece in pieces:
        at = round(piece.start * 32_000)
        assert piece.pcm == (pcm + BEHIND)[at : at + len(piece.pcm)]
        assert 0 < piece.seconds <= LONGEST + 0.1
        assert piece.speech
        assert all(start < end for start, end in piece.speech)
        assert all(before[1] <= after[0] for before, after in pairwise(piece.speech))
    assert all(before.start + before.seconds <= after.start + 1e-9 for before, after in pairwise(pieces))


@settings(deadline=None, max_examples=40)
@given(parts=stretches, feeds=st.lists(st.integers(0, 60_000), max_size=8))
async def test_where_cuts_fall_does_not_depend_on_how_the_samples_arrive(
    parts: list[tuple[float, int | None]], feeds: list[int]
) -> None:
    pcm = sound_of(parts)
    assert await cut(pcm, feeds=feeds) == await cut(pcm)


@settings(deadline=None, max_examples=40)
@given(parts=stretches, before=st.integers(0, 200_000), behind=st.integers(0, 200_000))
async def test_silence_around_a_recording_moves_its_pieces_and_changes_nothing_in_them(
    parts: list[tuple[float, int | None]], before: int, behind: int
) -> None:
    pcm = sound_of(parts)
    pieces, moved = await cut(pcm), await cut(bytes(2 * before) + pcm + bytes(2 * behind), feeds=[before // 2])
    assert [piece.pcm for piece in moved] == [piece.pcm for piece in pieces]
    assert [piece.speech for piece in moved] == [piece.speech for piece in pieces]
    assert [piece.start for piece in moved] == pytest.approx([piece.start + before / 16_000 for piece in pieces])


@settings(deadline=None, max_examples=40)
@given(parts=stretches)
async def test_all_loud_sound_but_clicks_is_in_a_piece(parts: list[tuple[float, int | None]]) -> None:
    spoken = sum(piece.speech_seconds for piece in await cut(sound_of(parts)))
    loud = [length for length, level in parts if level is not None]
    assert spoken >= sum(loud) - 0.2 * len(loud) - 0.2


async def test_a_pause_ends_a_piece_and_a_margin_stays_around_speech() -> None:
    first, second = await cut(tone(1, dbfs=-65) + tone(2) + silence(1) + tone(2) + silence(1))
    assert first.start == pytest.approx(0.8, abs=0.05)
    assert first.seconds == pytest.approx(2.45, abs=0.1)
    assert second.start == pytest.approx(3.8, abs=0.05)
    ((start, end),) = first.speech
    assert [first.start + start, first.start + end] == pytest.approx([1.0, 3.0], abs=0.04)


async def test_the_first_piece_begins_with_the_first_sound_at_the_earliest() -> None:
    (piece,) = await cut(silence(1) + tone(2) + silence(1))
    assert piece.start == pytest.approx(1.0, abs=0.001)


async def test_a_gap_between_two_words_stays_inside_its_piece() -> None:
    (piece,) = await cut(tone(1) + silence(0.25) + tone(1))
    assert len(piece.speech) == 2


async def test_a_pause_of_minutes_costs_no_piece() -> None:
    pieces = await cut(tone(1) + silence(200) + tone(1))
    assert [round(piece.start) for piece in pieces] == [0, 201]


async def test_without_a_pause_in_time_the_longest_gap_is_cut() -> None:
    first, second = await cut(tone(3) + silence(0.15) + tone(1) + silence(0.3) + tone(1) + silence(0.2) + tone(2))
    assert first.start + first.seconds == pytest.approx(4.3, abs=0.1)
    assert second.start == pytest.approx(4.3, abs=0.1)


async def test_speech_without_any_gap_is_cut_at_the_longest_and_goes_on_at_once() -> None:
    pieces = await cut(tone(20))
    assert sum(piece.seconds for piece in pieces) == pytest.approx(20 + 0.22, abs=0.1)  # with silence behind it
    assert all(before.start + before.seconds == pytest.approx(after.start) for before, after in pairwise(pieces))


@pytest.mark.parametrize("sound", [b"", silence(3), tone(3, dbfs=-65), silence(1) + tone(0.05) + silence(1)])
async def test_nothing_noise_and_clicks_make_no_piece(sound: bytes) -> None:
    assert await cut(sound) == []


async def test_a_detector_is_given_whole_blocks_whose_memory_is_passed_on() -> None:
    class Recording(LevelDetector):
        def __init__(self) -> None:
            self.calls: list[tuple[int, bytes]] = []

        async def detect(self, pcm: bytes, memory: VoiceMemory) -> tuple[Probabilities, VoiceMemory]:
            self.calls.append((len(pcm), memory))
            probabilities, _ = await super().detect(pcm, memory)
            return probabilities, VoiceMemory(bytes([len(self.calls)]))

    detector = Recording()
    cutter = PieceCutter(detector, longest=LONGEST, pause=PAUSE)
    await cutter.feed(tone(15))
    await cutter.feed(tone(10.501))
    await cutter.finish()
    sizes = [size for size, _ in detector.calls]
    assert sizes[:2] == [327_680, 327_680]
    assert sizes[2] % 1024 == 0
    assert [memory[:1] for _, memory in detector.calls] == [b"\0", b"\1", b"\2"]
