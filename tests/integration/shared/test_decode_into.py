"""The decoder writing to the disk itself: the same samples as through a pipe, both channels kept, the same errors."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.audio.decode import Decoder
from shared.audio.decoded_file import DecodedFile
from shared.audio.ffmpeg_process import DecodePolicy
from shared.audio.pcm import SAMPLE_BYTES, SAMPLE_RATE
from shared.audio.sniff import Container
from shared.audio.source import DecoderInput
from shared.audio.wav import HEADER_BYTES
from shared.domain.errors import BadMedia, Unavailable
from tests.integration.audio_files import CODECS, encoded
from tests.integration.shared.test_decode import POLICY, cut, decode, stored

MAX_FRAMES = 60 * SAMPLE_RATE
CONTAINERS = {"mp3": Container.MP3, "flac": Container.FLAC, "m4a": Container.MP4, "webm": Container.WEBM}


@pytest.fixture
def target(tmp_path: Path) -> Iterator[DecodedFile]:
    fd = os.open(tmp_path / "samples", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield DecodedFile(fd)
    finally:
        os.close(fd)


def samples(target: DecodedFile) -> bytes:
    return b"".join(target.mono(None))


@pytest.mark.parametrize("name", sorted(CONTAINERS.keys() & set(CODECS)))
@pytest.mark.parametrize("pieces", [1, 5])
async def test_a_file_gets_the_samples_that_a_pipe_gives(
    name: str, pieces: int, tmp_path: Path, target: DecodedFile
) -> None:
    content = encoded(name)
    files = stored(tmp_path, cut(content, -(-len(content) // pieces)))
    await target.append(Decoder(POLICY, tmp_path), DecoderInput(CONTAINERS[name], files), MAX_FRAMES)
    assert target.channels == 1
    assert samples(target) == await decode(CONTAINERS[name], files, tmp_path)


async def test_nothing_is_lost_where_rate_and_channels_change(tmp_path: Path, target: DecodedFile) -> None:
    content = mp3("44100", "2") + mp3("48000", "1") + mp3("44100", "1")
    files = stored(tmp_path, [content])
    await target.append(Decoder(POLICY, tmp_path), DecoderInput(Container.MP3, files), MAX_FRAMES)
    assert target.channels == 1
    assert samples(target) == mixed_by_ffmpeg("mp3", content)


async def test_a_second_stream_is_appended_to_the_first(tmp_path: Path, target: DecodedFile) -> None:
    files = stored(tmp_path, [encoded("flac")])
    for _ in range(2):
        await target.append(Decoder(POLICY, tmp_path), DecoderInput(Container.FLAC, files), MAX_FRAMES)
    assert samples(target) == await decode(Container.FLAC, files, tmp_path) * 2


async def test_a_recording_may_have_its_limit_and_one_sample_more_is_too_long(
    tmp_path: Path, target: DecodedFile
) -> None:
    source = DecoderInput(Container.FLAC, stored(tmp_path, [encoded("flac")]))
    frames = len(await decode(Container.FLAC, list(tmp_path.glob("*.chunk")), tmp_path)) // SAMPLE_BYTES
    await target.append(Decoder(POLICY, tmp_path), source, frames)
    with pytest.raises(BadMedia) as caught:
        await target.append(Decoder(POLICY, tmp_path), source, 2 * frames - 1)
    assert caught.value.code == "too_long"
    assert os.fstat(target.fd).st_size <= 2 * (HEADER_BYTES + frames * SAMPLE_BYTES)


async def test_a_full_disk_is_unavailable_and_not_bad_media(tmp_path: Path) -> None:
    source = DecoderInput(Container.FLAC, stored(tmp_path, [encoded("flac")]))
    full = os.open("/dev/full", os.O_RDWR)
    try:
        with pytest.raises(Unavailable) as caught:
            await Decoder(POLICY, tmp_path).decode_into(source, full, MAX_FRAMES)
    finally:
        os.close(full)
    assert caught.value.code == "disk_full"


@pytest.mark.parametrize(("script", "code"), [("sleep 60", "decode_timeout"), ("kill -SEGV $$", "bad_media")])
async def test_a_decoder_that_hangs_or_crashes_while_writing_is_bad_media(
    script: str, code: str, tmp_path: Path, target: DecodedFile
) -> None:
    program = tmp_path / "decoder"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    policy = DecodePolicy(ffmpeg=str(program), idle_seconds=0.3)
    source = DecoderInput(Container.MP3, stored(tmp_path, [encoded("mp3")]))
    with pytest.raises(BadMedia) as caught:
        await target.append(Decoder(policy, tmp_path), source, MAX_FRAMES)
    assert caught.value.code == code


async def test_a_decoder_that_writes_no_wav_is_bad_media_and_leaves_nothing(
    tmp_path: Path, target: DecodedFile
) -> None:
    program = tmp_path / "decoder"
    program.write_text("#!/bin/sh\nhead -c 1000 /dev/zero\n")
    program.chmod(0o700)
    source = DecoderInput(Container.MP3, stored(tmp_path, [encoded("mp3")]))
    with pytest.raises(BadMedia):
        await target.append(Decoder(DecodePolicy(ffmpeg=str(program)), tmp_path), source, MAX_FRAMES)
    assert (target.frames, os.fstat(target.fd).st_size) == (0, 0)


async def test_only_damaged_audio_is_reported_as_damaged(tmp_path: Path, target: DecodedFile) -> None:
    content = bytearray(encoded("mp3"))
    decoder = Decoder(POLICY, tmp_path)
    await target.append(decoder, DecoderInput(Container.MP3, stored(tmp_path, [bytes(content)])), MAX_FRAMES)
    assert not decoder.damaged
    content[6000:9000] = b"\xff" * 3000
    await target.append(decoder, DecoderInput(Container.MP3, stored(tmp_path, [bytes(content)])), MAX_FRAMES)
    assert decoder.damaged


def mp3(rate: str, channels: str) -> bytes:
    sine = ("-f", "lavfi", "-i", f"sine=440:r={rate}:d=1.7", "-ac", channels)
    return ffmpeg(*sine, *("-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0", "-f", "mp3"))


def mixed_by_ffmpeg(demuxer: str, content: bytes) -> bytes:
    return ffmpeg("-f", demuxer, "-i", "pipe:0", "-ac", "1", "-ar", str(SAMPLE_RATE), "-f", "s16le", stdin=content)


def ffmpeg(*arguments: str, stdin: bytes = b"") -> bytes:
    command = [POLICY.ffmpeg, "-loglevel", "error", *arguments, "pipe:1"]
    return subprocess.run(command, input=stdin, check=True, capture_output=True).stdout
