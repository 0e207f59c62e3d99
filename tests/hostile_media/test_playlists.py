"""Playlists that name addresses: no address is opened under any container."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import imageio_ffmpeg
import pytest

from shared.audio.decode import Decoder, Layout, NotMono, decoder_arguments
from shared.audio.ffmpeg_process import DecodePolicy
from shared.audio.not_audio import NotAudio
from shared.audio.sniff import Container, sniff
from shared.audio.source import DecoderInput
from shared.domain.errors import BadMedia
from tests.hostile_media.listener import Listener, listening
from tests.hostile_media.playlists import playlists

POLICY = DecodePolicy(ffmpeg=imageio_ffmpeg.get_ffmpeg_exe(), max_audio_seconds=60, cpu_seconds=10, idle_seconds=20)
NAMES = list(playlists("http://127.0.0.1:1"))
LISTS = ("hls", "applehttp", "concat", "dash", "sdp", "rtsp", "rtp", "data", "image2", "tedcaptions", "imf")
AUDIO = {"mp3 with a linked picture", "m4a whose samples lie elsewhere", "wav with hls as its samples"}
TAGGED = {"hls in a tag", "a tag with hls behind it", "hls behind an amr's name"}


@dataclass(frozen=True, slots=True)
class Forced:
    """A demuxer that our decoder never uses; all other protections stay on."""

    demuxer: str
    decoders: str = "pcm_s16le,mp3,aac"
    needs_seeking: bool = False


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async with listening() as listener:
        yield listener


async def try_as(containers: Sequence[Container], playlist: bytes, folder: Path) -> None:
    """Decode a playlist as each of these containers; the outcome does not matter here."""
    path = folder / "0.chunk"
    path.write_bytes(playlist)

    async def one(container: Container) -> None:
        with suppress(BadMedia, NotMono):
            async for _ in Decoder(POLICY, folder).decode(DecoderInput(container, [path])):
                pass

    for start in range(0, len(containers), 4):
        async with asyncio.TaskGroup() as some:
            for container in containers[start : start + 4]:
                some.create_task(one(container))


async def test_the_listener_notices_a_decoder_that_may_open_addresses(listener: Listener, tmp_path: Path) -> None:
    path = tmp_path / "0.chunk"
    path.write_bytes(playlists(listener.address)["hls"])
    arguments = decoder_arguments(DecoderInput(cast("Container", Forced("hls")), [path]), Layout.AS_THEY_ARE)
    open_to_all = ["fd,file,http,tcp" if argument == "fd" else argument for argument in arguments]
    with path.open("rb") as file:
        decoder = await asyncio.create_subprocess_exec(
            *(POLICY.ffmpeg, *open_to_all), stdin=file, stdout=asyncio.subprocess.DEVNULL
        )
    await decoder.wait()
    assert any(line.startswith(b"GET /x.ts") for line in listener.requests)


@pytest.mark.parametrize("name", NAMES)
async def test_a_playlist_opens_no_address_under_any_of_our_containers(
    name: str, listener: Listener, tmp_path: Path
) -> None:
    await try_as(list(Container), playlists(listener.address)[name], tmp_path)
    assert listener.requests == []


@pytest.mark.parametrize("name", NAMES)
async def test_a_playlist_opens_no_address_even_with_its_own_demuxer(
    name: str, listener: Listener, tmp_path: Path
) -> None:
    forced = [cast("Container", Forced(demuxer)) for demuxer in LISTS]
    await try_as(forced, playlists(listener.address)[name], tmp_path)
    assert listener.requests == []


@pytest.mark.parametrize("name", [name for name in NAMES if name not in AUDIO | TAGGED | {"concat"}])
def test_a_playlist_is_recognized_by_its_first_bytes(name: str) -> None:
    assert sniff(playlists("http://127.0.0.1:1")[name]) in {NotAudio.PLAYLIST, NotAudio.DOCUMENT}
