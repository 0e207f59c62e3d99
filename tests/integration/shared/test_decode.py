import tempfile
from pathlib import Path

import imageio_ffmpeg
import pytest

from shared.audio.decode import Decoder
from shared.audio.ffmpeg_process import DecodePolicy
from shared.audio.not_audio import NotAudio
from shared.audio.pcm import BYTES_PER_SECOND
from shared.audio.sniff import (
    SIGNATURE_BYTES,
    Container,
    read_signature,
    sniff,
)
from shared.audio.source import DecoderInput, OpenDescriptor
from shared.audio.streams import CHUNK_HEAD_BYTES, StreamSegment, split_into_streams
from shared.domain.errors import BadMedia
from tests.integration.audio_files import CODECS, encoded, strength, tone

POLICY = DecodePolicy(ffmpeg=imageio_ffmpeg.get_ffmpeg_exe())


async def decode(container: Container, files: list[Path], folder: Path, policy: DecodePolicy = POLICY) -> bytes:
    return b"".join([piece async for piece in Decoder(policy, folder).decode(DecoderInput(container, files))])


def stored(folder: Path, pieces: list[bytes]) -> list[Path]:
    paths = [folder / f"{number}.chunk" for number in range(len(pieces))]
    for path, piece in zip(paths, pieces, strict=True):
        path.write_bytes(piece)
    return paths


def segments_of(chunks: list[bytes]) -> list[StreamSegment] | NotAudio:
    def behind(number: int, offset: int) -> bytes:
        return b"".join(chunks[number:])[offset : offset + CHUNK_HEAD_BYTES]

    signatures = [read_signature(chunk[:SIGNATURE_BYTES]) for chunk in chunks]
    sizes = [len(chunk) for chunk in chunks]
    return split_into_streams(b"".join(chunks)[:SIGNATURE_BYTES], signatures, sizes, behind)


def cut(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("pieces", [1, 7])
async def test_every_format_is_recognised_and_decoded_as_one_file_or_in_pieces(
    name: str, pieces: int, tmp_path: Path
) -> None:
    content = encoded(name)
    container = sniff(content[:4096])
    assert isinstance(container, Container)
    files = stored(tmp_path, cut(content, -(-len(content) // pieces)))

    pcm = await decode(container, files, tmp_path)

    assert abs(len(pcm) - 2 * BYTES_PER_SECOND) < 0.15 * BYTES_PER_SECOND
    assert strength(pcm) > 0.9
    assert len(list(tmp_path.iterdir())) == len(files)


@pytest.mark.parametrize("name", CODECS)
def test_pieces_of_a_container_are_one_stream_and_complete_files_one_each(name: str) -> None:
    content = encoded(name)
    of_pieces = segments_of(cut(content, 3000))
    assert isinstance(of_pieces, list)
    assert len(of_pieces) == 1
    if name not in {"aac", "untagged.mp3"}:  # bare frames: a second file continues the stream
        of_files = segments_of([content] * 3)
        assert not isinstance(of_files, NotAudio)
        assert [(segment.first, segment.end) for segment in of_files] == [(0, 1), (1, 2), (2, 3)]


async def test_a_wav_without_a_length_in_its_header_is_read_to_the_end(tmp_path: Path) -> None:
    content = bytearray(encoded("wav"))
    position = content.index(b"data") + 4
    for size in (b"\x00\x00\x00\x00", b"\xff\xff\xff\xff"):
        content[position : position + 4] = size
        pcm = await decode(Container.WAV, stored(tmp_path, [bytes(content)]), tmp_path)
        assert len(pcm) == 2 * BYTES_PER_SECOND


@pytest.mark.parametrize(
    "head", [b"RIFF\0\0\0\0WAVE", b"OggS\x00\x02", b"\x1a\x45\xdf\xa3", b"fLaC", b"\0\0\0\x20ftypM4A "]
)
async def test_a_container_without_audio_is_bad_media(head: bytes, tmp_path: Path) -> None:
    container = sniff(head)
    assert isinstance(container, Container)
    with pytest.raises(BadMedia) as caught:
        await decode(container, stored(tmp_path, [head + bytes(range(256)) * 20]), tmp_path)
    assert str(tmp_path) not in caught.value.message


async def test_the_limit_of_seconds_counts_the_decoded_audio(tmp_path: Path) -> None:
    policy = DecodePolicy(ffmpeg=POLICY.ffmpeg, max_audio_seconds=1)
    with pytest.raises(BadMedia) as caught:
        await decode(Container.FLAC, stored(tmp_path, [encoded("flac")]), tmp_path, policy)
    assert caught.value.code == "too_long"


async def test_a_decoder_that_hangs_or_crashes_is_bad_media(tmp_path: Path) -> None:
    files = stored(tmp_path, [encoded("mp3")])
    for script, code in (("sleep 60", "decode_timeout"), ("kill -SEGV $$", "bad_media")):
        program = tmp_path / "decoder"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o700)
        policy = DecodePolicy(ffmpeg=str(program), idle_seconds=0.3)
        with pytest.raises(BadMedia) as caught:
            await decode(Container.MP3, files, tmp_path, policy)
        assert caught.value.code == code


async def test_a_playlist_that_claims_to_be_a_container_opens_no_address(tmp_path: Path) -> None:
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n"
    assert sniff(playlist) is NotAudio.PLAYLIST
    for container in Container:
        with pytest.raises(BadMedia):
            await decode(container, stored(tmp_path, [playlist]), tmp_path)


def test_headerless_samples_are_not_taken_for_a_container() -> None:
    assert sniff(tone(1)[:4096]) is None
    assert sniff(bytes(4096)) is None
    assert segments_of([tone(1), encoded("wav")]) == segments_of([b"\0\0", b"\0\0"])


async def test_an_anonymous_file_is_decoded_and_stays_open(tmp_path: Path) -> None:
    with tempfile.TemporaryFile(dir=tmp_path) as file:
        file.write(encoded("m4a"))  # its index comes last, so that the decoder must seek
        file.flush()
        source = DecoderInput(Container.MP4, OpenDescriptor(file.fileno()))
        for _ in range(2):
            pcm = b"".join([piece async for piece in Decoder(POLICY).decode(source)])
            assert abs(len(pcm) - 2 * BYTES_PER_SECOND) < 0.15 * BYTES_PER_SECOND
        assert not file.closed
