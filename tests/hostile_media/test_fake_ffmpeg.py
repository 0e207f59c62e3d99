"""A decoder that misbehaves: its parent goes on, gets a reason, and no process is left."""

import os
import resource
from contextlib import suppress
from pathlib import Path

import pytest

from shared.audio.decode import Decoder
from shared.audio.ffmpeg_process import DecodePolicy
from shared.audio.pcm import BYTES_PER_SECOND
from shared.audio.sniff import Container
from shared.audio.source import DecoderInput
from shared.domain.errors import BadMedia
from tests.hostile_media.fake_ffmpeg import fake_ffmpeg, misbehaving_file
from tests.integration.audio_files import encoded
from tests.processes import descendants_of
from tests.waiting import until

SECONDS = 60
NOT_DECODED = "The bytes could not be decoded as audio."
BROKE = "The audio broke the decoder."
TOO_LATE = "The audio could not be decoded in time."


@pytest.fixture
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    return fake_ffmpeg(tmp_path_factory.mktemp("programs"))


def policy(program: str, *, idle: float = 20.0, cpu: int = 60) -> DecodePolicy:
    return DecodePolicy(
        ffmpeg=program, max_audio_seconds=SECONDS, cpu_seconds=cpu, idle_seconds=idle, memory=256 * 1024**2
    )


async def decoded(content: bytes, folder: Path, policy: DecodePolicy) -> int:
    """Return how many bytes were decoded."""
    path = folder / "0.chunk"
    path.write_bytes(content)
    return sum([len(piece) async for piece in Decoder(policy, folder).decode(DecoderInput(Container.OGG, [path]))])


def running(program: str) -> list[int]:
    """Return the processes that run this program, whatever their parent is by now."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and program.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


async def nothing_is_left(before: set[int]) -> None:
    await until(lambda: not descendants_of(os.getpid()) - before, what="every process of the decoder to be gone")


@pytest.mark.parametrize(
    ("word", "message", "code"),
    [
        ("crash", BROKE, "bad_media"),
        ("abort", BROKE, "bad_media"),
        ("eat", NOT_DECODED, "bad_media"),
        ("write files", NOT_DECODED, "bad_media"),
        ("write endlessly", f"The audio is longer than {SECONDS} seconds.", "too_long"),
    ],
)
async def test_a_decoder_that_crashes_fails_its_own_decode_only(
    word: str, message: str, code: str, program: str, tmp_path: Path
) -> None:
    before, memory = descendants_of(os.getpid()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadMedia) as caught:
        await decoded(misbehaving_file(word), tmp_path, policy(program))
    assert (caught.value.message, caught.value.code) == (message, code)
    await nothing_is_left(before)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 32 * 1024
    assert [path.name for path in tmp_path.iterdir()] == ["0.chunk"]
    assert await decoded(encoded("ogg"), tmp_path, policy(program)) > BYTES_PER_SECOND


@pytest.mark.parametrize("word", ["complain endlessly", "ignore signals", "close its output"])
async def test_a_decoder_without_output_is_killed_in_time(word: str, program: str, tmp_path: Path) -> None:
    before = descendants_of(os.getpid())
    with pytest.raises(BadMedia) as caught:
        await decoded(misbehaving_file(word), tmp_path, policy(program, idle=1.0))
    assert (caught.value.message, caught.value.code) == (TOO_LATE, "decode_timeout")
    await nothing_is_left(before)


@pytest.mark.parametrize("word", ["spin", "spin on", "drip"])
async def test_a_decoder_that_never_ends_is_killed_by_its_cpu_limit(word: str, program: str, tmp_path: Path) -> None:
    before = descendants_of(os.getpid())
    with pytest.raises(BadMedia) as caught:
        await decoded(misbehaving_file(word), tmp_path, policy(program, idle=60.0, cpu=2 if word == "drip" else 1))
    assert (caught.value.message, caught.value.code) == (TOO_LATE, "decode_timeout")
    await nothing_is_left(before)


@pytest.mark.parametrize("word", ["leave children", "hide children"])
async def test_children_of_a_decoder_do_not_block_its_decode_and_end_with_it(
    word: str, program: str, tmp_path: Path
) -> None:
    with pytest.raises(BadMedia) as caught:
        await decoded(misbehaving_file(word), tmp_path, policy(program, idle=1.0))
    assert caught.value.code == "decode_timeout"  # they hold the pipe open: whether more bytes would come is unknown
    await until(lambda: not running(program), what="its children to be gone")
