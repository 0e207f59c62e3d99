import tempfile
from pathlib import Path

import imageio_ffmpeg
import pytest

from shared.audio.decode import DecodePolicy, Decoder
from shared.audio.pcm import BYTES_PER_SECOND
from shared.audio.sniff import (
    SIGNATURE_BYTES,
    Container,
    NotAudio,
    StreamSegment,
    read_signature,
    sniff,
    split_into_streams,
)
from shared.audio.source import DecoderInput, OpenDescriptor
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


def divided(chunks: list[bytes]) -> list[StreamSegment] | NotAudio:
    sizes = [len(chunk) for chunk in chunks]
    return split_into_streams(
        b"".join(chunks)[:SIGNATURE_BYTES], [read_signature(chunk[:SIGNATURE_BYTES]) for chunk in chunks], sizes
    )


def cut(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("pieces", [1, 7])
async def test_every_format_is_recognised_and_decoded_whole_or_in_pieces(
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
def test_pieces_of_a_container_make_one_stream_and_whole_files_one_each(name: str) -> None:
    content = encoded(name)
    in_pieces = divided(cut(content, 3000))
    assert isinstance(in_pieces, list)
    assert len(in_pieces) == 1
    if name not in {"aac", "untagged.mp3"}:  # bare frames: a second file simply goes on with the stream
        whole = divided([content] * 3)
        assert not isinstance(whole, NotAudio)
        assert [(segment.first, segment.end) for segment in whole] == [(0, 1), (1, 2), (2, 3)]


async def test_a_wav_that_does_not_know_its_length_is_read_to_the_end(tmp_path: Path) -> None:
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


async def test_decoded_seconds_are_capped_as_they_come_out(tmp_path: Path) -> None:
    policy = DecodePolicy(ffmpeg=POLICY.ffmpeg, max_audio_seconds=1)
    with pytest.raises(BadMedia) as caught:
        await decode(Container.FLAC, stored(tmp_path, [encoded("flac")]), tmp_path, policy)
    assert caught.value.code == "too_long"


async def test_a_decoder_that_hangs_is_ended_and_so_is_one_that_crashes(tmp_path: Path) -> None:
    files = stored(tmp_path, [encoded("mp3")])
    for script, code in (("sleep 60", "decode_timeout"), ("kill -SEGV $$", "bad_media")):
        program = tmp_path / "decoder"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o700)
        policy = DecodePolicy(ffmpeg=str(program), idle_seconds=0.3)
        with pytest.raises(BadMedia) as caught:
            await decode(Container.MP3, files, tmp_path, policy)
        assert caught.value.code == code


async def test_a_playlist_inside_a_container_name_reaches_nothing(tmp_path: Path) -> None:
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n"
    assert sniff(playlist) is NotAudio.PLAYLIST
    for container in Container:
        with pytest.raises(BadMedia):
            await decode(container, stored(tmp_path, [playlist]), tmp_path)


def test_samples_are_not_taken_for_a_container() -> None:
    assert sniff(tone(1)[:4096]) is None
    assert sniff(bytes(4096)) is None
    assert divided([tone(1), encoded("wav")]) == divided([b"\0\0", b"\0\0"])


async def test_an_open_file_without_a_name_is_decoded_and_stays_open(tmp_path: Path) -> None:
    with tempfile.TemporaryFile(dir=tmp_path) as file:
        file.write(encoded("m4a"))  # its index comes last, so it is sought in
        file.flush()
        source = DecoderInput(Container.MP4, OpenDescriptor(file.fileno()))
        for _ in range(2):
            pcm = b"".join([piece async for piece in Decoder(POLICY).decode(source)])
            assert abs(len(pcm) - 2 * BYTES_PER_SECOND) < 0.15 * BYTES_PER_SECOND
        assert not file.closed
