import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analyzer.wav_reader import WavReader
from shared.audio.wav import wav_header
from shared.domain.errors import BadMedia


def read_in_pieces(wav: bytes, sizes: list[int]) -> bytes:
    reader, samples, at = WavReader(), b"", 0
    for size in [*sizes, len(wav)]:
        samples += reader.feed(wav[at : at + size])
        at += size
    reader.finish()
    return samples


@given(samples=st.binary(max_size=300), sizes=st.lists(st.integers(0, 60), max_size=12))
def test_samples_come_out_as_they_went_in_however_the_bytes_are_cut(samples: bytes, sizes: list[int]) -> None:
    samples = samples[: len(samples) // 2 * 2]
    assert read_in_pieces(wav_header(len(samples)) + samples, sizes) == samples


def test_only_complete_samples_are_returned() -> None:
    reader = WavReader()
    assert reader.feed(wav_header(4) + b"abc") == b"ab"
    assert reader.feed(b"d") == b"cd"
    reader.finish()


@pytest.mark.parametrize(
    ("at", "other"),
    [
        (0, b"RF64"),
        (8, b"WAVX"),
        (20, b"\x03\x00"),  # floating point
        (22, b"\x02\x00"),  # stereo
        (24, b"\x40\x1f"),  # 8 kHz
        (34, b"\x08\x00"),  # 8 bits
        (36, b"LIST"),
        (4, b"\x00\x00\x00\x00"),  # sizes that disagree
    ],
)
def test_any_other_form_of_wav_is_rejected(at: int, other: bytes) -> None:
    header = bytearray(wav_header(4))
    header[at : at + len(other)] = other
    with pytest.raises(BadMedia):
        WavReader().feed(bytes(header) + b"abcd")


def test_a_wav_shorter_than_its_header_says_is_rejected() -> None:
    reader = WavReader()
    reader.feed(wav_header(8) + b"abcd")
    with pytest.raises(BadMedia):
        reader.finish()


def test_a_wav_longer_than_its_header_says_is_rejected() -> None:
    with pytest.raises(BadMedia):
        WavReader().feed(wav_header(2) + b"abcd")


def test_a_file_truncated_inside_its_header_is_rejected() -> None:
    reader = WavReader()
    reader.feed(wav_header(8)[:20])
    with pytest.raises(BadMedia):
        reader.finish()
