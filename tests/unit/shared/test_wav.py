import io
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.audio.wav import HEADER_BYTES, wav_header


@given(st.binary(max_size=2000))
def test_a_standard_reader_finds_the_samples_behind_the_header(content: bytes) -> None:
    samples = content[: len(content) // 2 * 2]
    with wave.open(io.BytesIO(wav_header(len(samples)) + samples)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, 16_000, 2)
        assert file.readframes(file.getnframes()) == samples


def test_the_header_has_44_bytes_and_a_size_that_it_can_not_say_is_an_error() -> None:
    assert len(wav_header(0)) == HEADER_BYTES == 44
    for impossible in (1, -2, 2**32):
        with pytest.raises(ValueError, match="do not fit"):
            wav_header(impossible)
