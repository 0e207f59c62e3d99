"""Both channels of a recording as FLAC: encodes and decodes streams through one confined `ffmpeg` child each.

Nothing is on disk, and in memory is what lies in the pipes. The same samples give the same bytes.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress

from shared.audio.ffmpeg_process import DecodePolicy, FFmpegProcess, running_ffmpeg
from shared.audio.pcm import BYTES_PER_SECOND, SAMPLE_BYTES
from shared.audio.wav import HEADER_BYTES, STREAMED_STEREO, decoded_channels
from shared.domain.errors import BadMedia, Unavailable

CHANNELS = 2
_LONGER = 2  # FLAC is never twice its samples: verbatim blocks add some bytes each
_QUIET = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+error")
_ONE_THREAD = ("-filter_threads", "1", "-threads", "1")
_INPUT = ("-protocol_whitelist", "pipe", "-codec_whitelist")
_NO_NAMES = ("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact")
# A packet of the demuxer is a frame of the encoder, the longest of FLAC's streamable subset at this rate: with those of
# raw samples, of 1,024, it takes half as long again. 3.5 processor seconds an hour; level 5 takes 4 for 5 % less.
_FRAME = 4608
_SAMPLES = ("-f", "wav", "-ignore_length", "1", "-max_size", str(_FRAME * CHANNELS * SAMPLE_BYTES), "-i", "pipe:0")
_ENCODER = ("-c:a", "flac", "-compression_level", "3", "-frame_size", str(_FRAME), "-f", "flac")
_ENCODE = (*_QUIET, *_ONE_THREAD, *_INPUT, "pcm_s16le", *_SAMPLES, *_NO_NAMES, *_ENCODER, "pipe:1")
_WAV = ("-c:a", "pcm_s16le", "-f", "wav")
_DECODE = (*_QUIET, *_ONE_THREAD, *_INPUT, "flac", "-f", "flac", "-i", "pipe:0", *_NO_NAMES, *_WAV, "pipe:1")


async def encode_flac(samples: AsyncIterator[bytes], policy: DecodePolicy) -> AsyncGenerator[bytes, None]:
    """Yield the FLAC of interleaved 16 kHz 16-bit samples of two channels; raises Unavailable when it can't be made.

    What `samples` raises is raised here as well. Close the iterator when leaving it early.
    """
    limit = _LONGER * CHANNELS * policy.max_audio_seconds * BYTES_PER_SECOND
    try:
        async with aclosing(_through_ffmpeg(_behind_header(samples), _ENCODE, policy, limit)) as pieces:
            async for piece in pieces:
                yield piece
    except BadMedia as exc:  # the samples are ours
        raise Unavailable("The recording's channels could not be encoded.", code="encoder_unavailable") from exc


async def _behind_header(samples: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield STREAMED_STEREO
    async for piece in samples:
        yield piece


async def decode_flac(flac: AsyncIterator[bytes], policy: DecodePolicy) -> AsyncGenerator[bytes, None]:
    """Yield the interleaved samples of a FLAC of two channels at 16 kHz, as `encode_flac` made it.

    Raises BadMedia `flac_malformed` for any other and for a damaged one, what `Decoder.decode` raises, and what `flac`
    raises. Close the iterator when leaving it early.
    """
    limit = HEADER_BYTES + CHANNELS * policy.max_audio_seconds * BYTES_PER_SECOND
    head = b""
    async with aclosing(_through_ffmpeg(flac, _DECODE, policy, limit)) as pieces:
        async for piece in pieces:
            missing = HEADER_BYTES - len(head)
            head += piece[:missing]
            if missing and len(head) == HEADER_BYTES and decoded_channels(head) != CHANNELS:
                raise _malformed()
            if len(piece) > missing:
                yield piece[missing:]
    if len(head) < HEADER_BYTES:
        raise _malformed()


async def _through_ffmpeg(
    content: AsyncIterator[bytes], arguments: Sequence[str], policy: DecodePolicy, limit: int
) -> AsyncGenerator[bytes, None]:
    """Write `content` to FFmpeg's stdin and yield what it writes; raises BadMedia where it logs an error."""
    pipe = asyncio.subprocess.PIPE
    async with running_ffmpeg(policy, arguments, stdin=pipe, stdout=pipe) as process:
        feeding = asyncio.create_task(_feed(content, process))
        try:
            async for piece in process.read(limit):
                yield piece
            await feeding  # what went wrong with the content is why the process ended
            await process.check_exit()
            if process.decoder_log.damaged:
                raise _malformed()
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)


async def _feed(content: AsyncIterator[bytes], process: FFmpegProcess) -> None:
    """Write to FFmpeg as fast as it reads, then close its stdin, also when the content fails."""
    stdin = process.child.stdin
    assert stdin is not None  # noqa: S101  # by construction
    try:
        async for piece in content:
            stdin.write(piece)
            await stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass  # it ended early; its exit status says why
    finally:
        with suppress(BrokenPipeError, ConnectionResetError):
            stdin.close()


def _malformed() -> BadMedia:
    return BadMedia("The recording's channels could not be read.", code="flac_malformed")
