"""Reads both channels of a recording, which the assembler stored as a FLAC beside its WAV, as a stream."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from shared.audio.ffmpeg_process import DecodePolicy
from shared.audio.flac import decode_flac
from shared.domain.events import StoredChannels
from shared.storage.object_store import ObjectStore


async def channel_samples(
    store: ObjectStore, channels: StoredChannels, policy: DecodePolicy
) -> AsyncGenerator[bytes, None]:
    """Yield interleaved 16-bit PCM at 16 kHz of the channels in the order of their names.

    The object is read only as fast as the samples are taken. Raises BadMedia for a damaged object or one of another
    form, NotFound for one that is gone, and Unavailable when the store is away or the decoder can't run. Close the
    iterator when leaving it early.
    """
    async with (
        aclosing(store.read(channels.object_key)) as flac,
        aclosing(decode_flac(flac, policy)) as samples,
    ):
        async for piece in samples:
            yield piece
