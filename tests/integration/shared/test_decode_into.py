"""The decoder writing to the disk itself: the same samples as through a pipe, and the same errors."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.audio.decode import DecodePolicy, Decoder
from shared.audio.pcm import BYTES_PER_SECOND
from shared.audio.sniff import Container
from shared.audio.source import DecoderInput
from shared.domain.errors import BadMedia, Unavailable
from tests.integration.audio_files import CODECS, encoded
from tests.integration.shared.test_decode import POLICY, cut, decode, stored

MAX_BYTES = 60 * BYTES_PER_SECOND
CONTAINERS = {"mp3": Container.MP3, "flac": Container.FLAC, "m4a": Container.MP4, "webm": Container.WEBM}


@pytest.fixture
def target(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path / "samples", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)


def samples(target: int) -> bytes:
    return os.pread(target, MAX_BYTES, 0)


@pytest.mark.parametrize("name", sorted(CONTAINERS.keys() & set(CODECS)))
@pytest.mark.parametrize("pieces", [1, 5])
async def test_a_file_gets_the_samples_that_a_pipe_gives(name: str, pieces: int, tmp_path: Path, target: int) -> None:
    content = encoded(name)
    files = stored(tmp_path, cut(content, -(-len(content) // pieces)))
    await Decoder(POLICY, tmp_path).decode_into(DecoderInput(CONTAINERS[name], files), target, MAX_BYTES)
    assert samples(target) == await decode(CONTAINERS[name], files, tmp_path)


async def test_nothing_is_lost_where_rate_and_channels_change(tmp_path: Path, target: int) -> None:
    content = mp3("44100", "2") + mp3("48000", "1") + mp3("44100", "1")
    files = stored(tmp_path, [content])
    decoder = Decoder(POLICY, tmp_path)
    os.write(target, b"header")

    await decoder.decode_into(DecoderInput(Container.MP3, files), target, MAX_BYTES)

    assert samples(target) == b"header" + await decode(Container.MP3, files, tmp_path)
    assert os.lseek(target, 0, os.SEEK_CUR) == len(samples(target))


async def test_a_second_stream_is_appended_to_the_first(tmp_path: Path, target: int) -> None:
    files = stored(tmp_path, [encoded("flac")])
    for _ in range(2):
        await Decoder(POLICY, tmp_path).decode_into(DecoderInput(Container.FLAC, files), target, MAX_BYTES)
    assert samples(target) == await decode(Container.FLAC, files, tmp_path) * 2


async def test_the_file_grows_to_its_limit_and_one_sample_more_is_too_long(tmp_path: Path, target: int) -> None:
    source = DecoderInput(Container.FLAC, stored(tmp_path, [encoded("flac")]))
    size = len(await decode(Container.FLAC, list(tmp_path.glob("*.chunk")), tmp_path))
    await Decoder(POLICY, tmp_path).decode_into(source, target, size)
    os.ftruncate(target, os.lseek(target, 0, os.SEEK_SET))
    with pytest.raises(BadMedia) as caught:
        await Decoder(POLICY, tmp_path).decode_into(source, target, size - 2)
    assert caught.value.code == "too_long"
    assert os.fstat(target).st_size == size


async def test_a_full_disk_is_unavailable_and_not_bad_media(tmp_path: Path) -> None:
    source = DecoderInput(Container.FLAC, stored(tmp_path, [encoded("flac")]))
    full = os.open("/dev/full", os.O_RDWR)
    try:
        with pytest.raises(Unavailable) as caught:
            await Decoder(POLICY, tmp_path).decode_into(source, full, MAX_BYTES)
    finally:
        os.close(full)
    assert caught.value.code == "disk_full"


@pytest.mark.parametrize(("script", "code"), [("sleep 60", "decode_timeout"), ("kill -SEGV $$", "bad_media")])
async def test_a_decoder_that_hangs_or_crashes_while_writing_is_bad_media(
    script: str, code: str, tmp_path: Path, target: int
) -> None:
    program = tmp_path / "decoder"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    policy = DecodePolicy(ffmpeg=str(program), idle_seconds=0.3)
    source = DecoderInput(Container.MP3, stored(tmp_path, [encoded("mp3")]))
    with pytest.raises(BadMedia) as caught:
        await Decoder(policy, tmp_path).decode_into(source, target, MAX_BYTES)
    assert caught.value.code == code


async def test_only_damaged_audio_is_reported_as_damaged(tmp_path: Path, target: int) -> None:
    content = bytearray(encoded("mp3"))
    decoder = Decoder(POLICY, tmp_path)
    await decoder.decode_into(DecoderInput(Container.MP3, stored(tmp_path, [bytes(content)])), target, MAX_BYTES)
    assert not decoder.damaged
    content[6000:9000] = b"\xff" * 3000
    await decoder.decode_into(DecoderInput(Container.MP3, stored(tmp_path, [bytes(content)])), target, MAX_BYTES)
    assert decoder.damaged


def mp3(rate: str, channels: str) -> bytes:
    options = ("-loglevel", "error", "-nostdin")
    sine = ("-f", "lavfi", "-i", f"sine=440:r={rate}:d=1.7", "-ac", channels)
    bare_frames = ("-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0", "-f", "mp3", "pipe:1")
    return subprocess.run([POLICY.ffmpeg, *options, *sine, *bare_frames], check=True, capture_output=True).stdout
