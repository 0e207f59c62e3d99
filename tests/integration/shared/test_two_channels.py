"""Sources of two channels: both are kept as they are, mixed so that nothing cancels, and stored as a FLAC."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest

from services.assembler.spill_file import open_spill_file
from shared.audio.decode import Decoder, NotMono
from shared.audio.decoded_file import DecodedFile
from shared.audio.ffmpeg_process import DecodePolicy
from shared.audio.flac import decode_flac, encode_flac
from shared.audio.sniff import SIGNATURE_BYTES, Container, sniff
from shared.audio.source import DecoderInput
from shared.domain.errors import BadMedia, Unavailable
from tests.integration.audio_files import RATE, encoded, strength
from tests.integration.shared.test_decode import POLICY, cut, stored
from tests.integration.stereo_files import (
    LEFT_HERTZ,
    RIGHT_HERTZ,
    STEREO_CODECS,
    call,
    decoded_flac,
    encoded_channels,
    interleaved,
    mixed_by_ffmpeg,
    side,
    sides,
)

MAX_FRAMES = 60 * RATE
CALL = call()
SECOND = 2 * RATE


@pytest.fixture
def target(tmp_path: Path) -> Iterator[DecodedFile]:
    with open_spill_file(tmp_path) as target:
        yield target


async def decode_into(target: DecodedFile, folder: Path, *contents: bytes, pieces: int = 1) -> Decoder:
    decoder = Decoder(POLICY, folder)
    for content in contents:
        container = sniff(content[:SIGNATURE_BYTES])
        assert isinstance(container, Container)
        files = stored(folder, cut(content, -(-len(content) // pieces)))
        await target.append(decoder, DecoderInput(container, files), MAX_FRAMES)
    return decoder


def both_channels(target: DecodedFile) -> bytes:
    return b"".join(target.interleaved())


def assert_both_sides(samples: bytes) -> None:
    """Check that the call of `call` is in the samples: the left channel speaks in the first second, then the right."""
    left, right = sides(samples)
    assert strength(left[:SECOND]) > 0.9
    assert strength(right[SECOND : 2 * SECOND], RIGHT_HERTZ) > 0.9


def mono(target: DecodedFile) -> bytes:
    return b"".join(target.mono(target.compare_channels()))


@pytest.mark.parametrize("name", STEREO_CODECS)
@pytest.mark.parametrize("pieces", [1, 5])
async def test_every_format_gives_both_sides_of_a_call_and_the_mix_that_ffmpeg_makes(
    name: str, pieces: int, tmp_path: Path, target: DecodedFile
) -> None:
    content = encoded_channels(name, CALL)

    await decode_into(target, tmp_path, content, pieces=pieces)

    assert_both_sides(both_channels(target))
    assert target.compare_channels() == "different"
    mix, expected = np.frombuffer(mono(target), "<i2"), mixed_by_ffmpeg(content)
    assert len(mix) == len(expected)
    assert abs(mix.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("name", ["wav", "w64", "flac", "rf64.wav"])
async def test_samples_of_16_bits_at_16_khz_are_kept_exactly(name: str, tmp_path: Path, target: DecodedFile) -> None:
    await decode_into(target, tmp_path, encoded_channels(name, CALL))
    assert both_channels(target) == CALL


@pytest.mark.parametrize("name", ["wav", "mp3", "ogg", "aac"])
async def test_antiphase_is_as_loud_as_one_of_its_channels(name: str, tmp_path: Path, target: DecodedFile) -> None:
    left = side(LEFT_HERTZ, 4, speaks_first=True)
    content = encoded_channels(name, interleaved(left, -left))
    await decode_into(target, tmp_path, content)
    assert target.compare_channels() == "antiphase"
    assert mono(target) == sides(both_channels(target))[0]
    assert strength(mono(target)[:SECOND]) > 0.9


async def test_a_source_of_one_channel_has_one(tmp_path: Path, target: DecodedFile) -> None:
    await decode_into(target, tmp_path, encoded("mp3"))
    assert (target.channels, target.compare_channels()) == (1, None)


async def test_mono_beside_stereo_is_on_both_sides(tmp_path: Path, target: DecodedFile) -> None:
    await decode_into(target, tmp_path, encoded("wav"), encoded_channels("flac", CALL), encoded("wav"))
    left, right = sides(both_channels(target))
    spoken, of_call = 2 * 2 * RATE, len(CALL) // 2
    assert left[:spoken] == right[:spoken] == left[spoken + of_call :] == right[spoken + of_call :]
    assert (left[spoken : spoken + of_call], right[spoken : spoken + of_call]) == sides(CALL)
    assert mono(target)[:spoken] == left[:spoken]


@pytest.mark.parametrize("channels", [3, 4, 6, 8])
@pytest.mark.parametrize("name", ["wav", "flac"])
async def test_more_than_two_channels_are_mixed_to_one_by_ffmpeg(
    name: str, channels: int, tmp_path: Path, target: DecodedFile
) -> None:
    rows = [side(LEFT_HERTZ + number, 2, speaks_first=bool(number % 2)) for number in range(channels)]
    content = encoded_channels(name, np.stack(rows, axis=1).tobytes(), channels)
    await decode_into(target, tmp_path, content)
    assert target.channels == 1
    assert mono(target) == mixed_by_ffmpeg(content).tobytes()


@pytest.mark.parametrize(("name", "kind"), [("untagged.mp3", Container.MP3), ("aac", Container.ADTS)])
@pytest.mark.parametrize("order", [("stereo", "mono"), ("mono", "stereo")])
async def test_a_stream_whose_channels_change_on_the_way_loses_nothing_and_is_one_channel(
    name: str, kind: Container, order: tuple[str, str], tmp_path: Path, target: DecodedFile
) -> None:
    content = b"".join(encoded_channels(name, CALL) if part == "stereo" else encoded(name, 3) for part in order)
    await target.append(Decoder(POLICY), DecoderInput(kind, stored(tmp_path, [content])), MAX_FRAMES)
    assert target.channels == 1
    assert abs(target.frames - 7 * RATE) < 0.3 * RATE
    of_mono = mono(target)[4 * SECOND :] if order[0] == "stereo" else mono(target)[: 3 * SECOND]
    assert strength(of_mono[SECOND // 2 : -SECOND // 2]) > 0.9


@pytest.mark.parametrize("name", ["ogg", "vorbis.ogg"])
async def test_of_chained_ogg_whose_channels_change_the_first_link_is_kept_with_a_warning(
    name: str, tmp_path: Path, target: DecodedFile
) -> None:
    content = encoded_channels(name, CALL) + encoded(name, 3)  # FFmpeg does not read on
    decoder = await decode_into(target, tmp_path, content)
    assert decoder.damaged
    assert_both_sides(both_channels(target))
    assert abs(target.frames - 4 * RATE) < 0.1 * RATE


async def test_damaged_stereo_is_passed_over_with_a_warning_and_both_sides(tmp_path: Path, target: DecodedFile) -> None:
    content = bytearray(encoded_channels("mp3", CALL))
    content[20_000:23_000] = b"\xff" * 3000
    decoder = await decode_into(target, tmp_path, bytes(content))
    assert decoder.damaged
    assert_both_sides(both_channels(target))


@pytest.mark.parametrize("content", [encoded_channels("wav", CALL), encoded_channels("ogg", CALL)])
async def test_a_pipe_gives_no_sample_of_two_channels(content: bytes, tmp_path: Path) -> None:
    container = sniff(content[:SIGNATURE_BYTES])
    assert isinstance(container, Container)
    with pytest.raises(NotMono):
        [piece async for piece in Decoder(POLICY).decode(DecoderInput(container, stored(tmp_path, [content])))]


async def test_a_flac_is_decoded_to_the_samples_that_it_was_made_of_and_is_the_same_each_time() -> None:
    flacs = [b"".join([piece async for piece in encode_flac(pieces(CALL), POLICY)]) for _ in range(2)]
    assert flacs[0] == flacs[1]
    assert decoded_flac(flacs[0]) == CALL
    assert b"".join([piece async for piece in decode_flac(pieces(flacs[0]), POLICY)]) == CALL


@pytest.mark.parametrize("flac", [b"", b"fLaC", encoded("flac"), encoded_channels("wav", CALL)])
async def test_what_is_no_flac_of_two_channels_is_bad_media(flac: bytes) -> None:
    with pytest.raises(BadMedia):
        [piece async for piece in decode_flac(pieces(flac), POLICY)]


async def test_a_damaged_flac_is_bad_media() -> None:
    flac = bytearray(b"".join([piece async for piece in encode_flac(pieces(CALL), POLICY)]))
    flac[20_000:20_100] = bytes(100)
    with pytest.raises(BadMedia) as caught:
        [piece async for piece in decode_flac(pieces(bytes(flac)), POLICY)]
    assert caught.value.code == "flac_malformed"


async def test_what_goes_wrong_with_the_content_is_told_as_it_was() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield CALL
        raise Unavailable("The store is away.")

    for coder in (encode_flac, decode_flac):
        with pytest.raises(Unavailable, match="The store is away"):
            [piece async for piece in coder(broken(), POLICY)]


@pytest.mark.parametrize("script", ["exit 1", "kill -SEGV $$", "sleep 60"])
async def test_an_encoder_that_fails_is_the_servers_fault(script: str, tmp_path: Path) -> None:
    program = tmp_path / "encoder"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    policy = DecodePolicy(ffmpeg=str(program), idle_seconds=0.3)
    with pytest.raises(Unavailable):
        [piece async for piece in encode_flac(pieces(CALL * 20), policy)]
    assert not [task for task in asyncio.all_tasks() if "_feed" in repr(task)]


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 65_536):
        yield content[start : start + 65_536]
