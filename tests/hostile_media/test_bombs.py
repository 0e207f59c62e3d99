"""Small files that grow, large claims, and sound without an end: all are cut off where the policy says."""

import os
import resource
from contextlib import aclosing
from pathlib import Path

import imageio_ffmpeg
import pytest

from shared.audio.decode import DecodePolicy, Decoder
from shared.audio.pcm import BYTES_PER_SECOND
from shared.audio.sniff import SIGNATURE_BYTES, Container, sniff
from shared.audio.source import DecoderInput
from shared.domain.errors import BadMedia
from tests.hostile_media.bombs import BOMBS, files_with_false_headers, silence
from tests.integration.audio_files import encoded
from tests.processes import children_of

SECONDS = 120
POLICY = DecodePolicy(
    ffmpeg=imageio_ffmpeg.get_ffmpeg_exe(), max_audio_seconds=SECONDS, cpu_seconds=30, idle_seconds=60
)
MOST_GROWN = 32 * 1024  # KiB


async def decoded(content: bytes, folder: Path) -> tuple[int, str]:
    """Return how many bytes came out, and the code of what ended it."""
    path = folder / "0.chunk"
    path.write_bytes(content)
    container, heard = sniff(content[:SIGNATURE_BYTES]), 0
    assert isinstance(container, Container)
    children = children_of(os.getpid())
    try:
        async with aclosing(Decoder(POLICY, folder).decode(DecoderInput(container, [path]))) as pieces:
            async for piece in pieces:
                heard += len(piece)
    except BadMedia as exc:
        return heard, exc.code
    finally:
        assert children_of(os.getpid()) == children
        assert [left.name for left in folder.iterdir()] == ["0.chunk"]
    return heard, ""


@pytest.mark.parametrize("name", BOMBS)
async def test_hours_in_a_small_file_are_cut_off_as_they_come_out(name: str, tmp_path: Path) -> None:
    codec, form, more = BOMBS[name]
    content = silence(codec, form, *more)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    heard, code = await decoded(content, tmp_path)
    assert code == "too_long"
    assert heard <= SECONDS * BYTES_PER_SECOND
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < MOST_GROWN


@pytest.mark.parametrize("name", list(files_with_false_headers()))
async def test_what_a_header_claims_costs_no_more_than_what_is_there(name: str, tmp_path: Path) -> None:
    content = files_with_false_headers()[name]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    heard, code = await decoded(content, tmp_path)
    assert heard <= SECONDS * BYTES_PER_SECOND
    assert code in {"", "bad_media", "too_long"}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < MOST_GROWN


async def test_a_wav_that_claims_4_gb_is_what_is_really_in_it(tmp_path: Path) -> None:
    assert await decoded(files_with_false_headers()["4 GB in a WAV"], tmp_path) == (2 * BYTES_PER_SECOND, "")


async def test_384_channels_are_refused_or_mixed_into_one(tmp_path: Path) -> None:
    heard, code = await decoded(files_with_false_headers()["384 channels"], tmp_path)
    assert (heard, code) in {(0, "bad_media"), (2 * BYTES_PER_SECOND, "")}


@pytest.mark.parametrize("form", ["untagged.mp3", "aac", "ogg"])
async def test_a_stream_that_goes_on_without_an_end_is_cut_off(form: str, tmp_path: Path) -> None:
    heard, code = await decoded(encoded(form, 2) * (SECONDS // 2 + 30), tmp_path)
    assert (heard <= SECONDS * BYTES_PER_SECOND, code) == (True, "too_long")
