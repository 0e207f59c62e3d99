"""Small files that decode to hours, false headers, and endless streams: all are stopped at the policy's limits."""

import os
import resource
from pathlib import Path

import imageio_ffmpeg
import pytest

from services.assembler.spill_file import open_spill_file
from shared.audio.decode import Decoder
from shared.audio.ffmpeg_process import DecodePolicy
from shared.audio.pcm import SAMPLE_RATE
from shared.audio.sniff import SIGNATURE_BYTES, Container, sniff
from shared.audio.source import DecoderInput
from shared.audio.wav import HEADER_BYTES
from shared.domain.errors import BadMedia
from tests.hostile_media.bombs import BOMBS, files_with_false_headers, silence
from tests.integration.audio_files import encoded
from tests.processes import children_of

SECONDS = 120
POLICY = DecodePolicy(
    ffmpeg=imageio_ffmpeg.get_ffmpeg_exe(), max_audio_seconds=SECONDS, cpu_seconds=30, idle_seconds=60
)
MAX_GROWTH = 32 * 1024  # KiB
MAX_FRAMES = SECONDS * SAMPLE_RATE
MAX_FILE = HEADER_BYTES + 4 * (MAX_FRAMES + 1)  # as if there were two channels: more is not known when it begins


async def decoded(content: bytes, folder: Path) -> tuple[int, str]:
    """Return how many frames were decoded, and the code of the error, if any."""
    path = folder / "0.chunk"
    path.write_bytes(content)
    container, received = sniff(content[:SIGNATURE_BYTES]), 0
    assert isinstance(container, Container)
    children = children_of(os.getpid())
    try:
        with open_spill_file(folder) as file:
            try:
                await file.append(Decoder(POLICY, folder), DecoderInput(container, [path]), MAX_FRAMES)
            finally:
                received = file.frames
                assert os.fstat(file.fd).st_size <= MAX_FILE
    except BadMedia as exc:
        return received, exc.code
    finally:
        assert children_of(os.getpid()) == children
        assert [left.name for left in folder.iterdir()] == ["0.chunk"]
    return received, ""


@pytest.mark.parametrize("name", BOMBS)
async def test_hours_in_a_small_file_are_stopped_while_they_are_decoded(name: str, tmp_path: Path) -> None:
    codec, form, more = BOMBS[name]
    content = silence(codec, form, *more)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    received, code = await decoded(content, tmp_path)
    assert code == "too_long"
    assert received <= MAX_FRAMES
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < MAX_GROWTH


@pytest.mark.parametrize("name", list(files_with_false_headers()))
async def test_a_false_header_costs_no_more_than_the_bytes_behind_it(name: str, tmp_path: Path) -> None:
    content = files_with_false_headers()[name]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    received, code = await decoded(content, tmp_path)
    assert received <= MAX_FRAMES
    assert code in {"", "bad_media", "too_long"}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < MAX_GROWTH


async def test_a_wav_that_claims_4_gb_is_decoded_to_its_real_length(tmp_path: Path) -> None:
    assert await decoded(files_with_false_headers()["4 GB in a WAV"], tmp_path) == (2 * SAMPLE_RATE, "")


async def test_384_channels_are_rejected_or_mixed_into_one(tmp_path: Path) -> None:
    received, code = await decoded(files_with_false_headers()["384 channels"], tmp_path)
    assert (received, code) in {(0, "bad_media"), (2 * SAMPLE_RATE, "")}


@pytest.mark.parametrize("form", ["untagged.mp3", "aac", "ogg"])
async def test_an_endless_stream_is_stopped(form: str, tmp_path: Path) -> None:
    received, code = await decoded(encoded(form, 2) * (SECONDS // 2 + 30), tmp_path)
    assert (received <= MAX_FRAMES, code) == (True, "too_long")
