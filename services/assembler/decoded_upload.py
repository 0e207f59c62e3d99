"""Uploads a decoded recording: its WAV and, if it has two channels that are not the same, a FLAC of both beside it."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass

from services.assembler.bucket_upload import StoredObject, UploadTarget, upload_object, upload_wav
from shared.audio.decoded_file import DecodedFile
from shared.audio.ffmpeg_process import DecodePolicy
from shared.audio.flac import encode_flac
from shared.audio.pcm import SAMPLE_BYTES
from shared.audio.stereo import the_one_channel
from shared.domain.events import StoredChannels
from shared.process.failpoints import failpoint

FLAC_TYPE = "audio/flac"


@dataclass(frozen=True, slots=True)
class ChannelsTarget:
    """Where the FLAC of both channels goes, their names, and the limits of its encoder."""

    upload: UploadTarget
    names: tuple[str, str]
    policy: DecodePolicy


async def upload_decoded(
    target: UploadTarget, channels: ChannelsTarget, decoded: DecodedFile
) -> tuple[StoredObject, StoredChannels | None]:
    """Upload the WAV to `target`, and beside it both channels if they are not the same; raises Unavailable.

    Channels that are the same, in antiphase, or of which one is dead count as one (`shared.audio.stereo`).
    """
    verdict = await asyncio.to_thread(decoded.compare_channels)
    pcm, size = _in_thread(decoded.mono(verdict)), decoded.frames * SAMPLE_BYTES
    if verdict is None or the_one_channel(verdict) is not None:
        return await upload_wav(target, pcm, size), None
    uploading = asyncio.create_task(_upload_channels(channels, decoded))
    try:
        wav = await upload_wav(target, pcm, size)
        return wav, await uploading
    finally:
        uploading.cancel()
        await asyncio.gather(uploading, return_exceptions=True)


async def _upload_channels(channels: ChannelsTarget, decoded: DecodedFile) -> StoredChannels:
    async with aclosing(encode_flac(_in_thread(decoded.interleaved()), channels.policy)) as flac:
        stored = await upload_object(channels.upload, flac)
    failpoint("assembler.channels")
    key = channels.upload.key
    return StoredChannels(object_key=key, size_bytes=stored.size, sha256=stored.sha256, names=channels.names)


async def _in_thread(pieces: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Take each piece in a thread."""
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece
