"""Decodes untrusted audio to PCM: each decode is one short-lived, confined `ffmpeg` child process.

FFmpeg writes a WAV, whose header says before the first sample how many channels the source has. Mono and stereo are
kept as they are. Any other layout, and a source whose layout or rate changes on the way, is mixed to mono by FFmpeg.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from enum import Enum
from pathlib import Path

from shared.audio.decoder_log import DecoderLog
from shared.audio.ffmpeg_process import (
    REAP_SECONDS,
    DecodePolicy,
    FFmpegProcess,
    running_ffmpeg,
    too_long,
    too_slow,
)
from shared.audio.pcm import BYTES_PER_SECOND, SAMPLE_BYTES, SAMPLE_RATE
from shared.audio.source import DecoderInput, open_decoder_input
from shared.audio.wav import HEADER_BYTES, decoded_channels
from shared.domain.errors import BadMedia

MAX_CHANNELS = 2
_FIRST_CHECK = 0.02  # seconds; the header is there after 0.05 to 0.1
_SIZE_CHECKS = 4  # of the output file's size within `idle_seconds`, at least
_SECOND_SIZED_FRAMES = f"aresample={SAMPLE_RATE}:osf=s16,asetnsamples=n={SAMPLE_RATE}:p=0"


_FIRST_TRACK = ("-map", "0:a:0")
_TWO_TRACKS = (
    "[0:a:0]aformat=channel_layouts=mono,pan=stereo|c0=c0[left];"
    "[0:a:1]aformat=channel_layouts=mono,pan=stereo|c1=c0[right];"
    f"[left][right]amix=inputs=2:duration=longest:normalize=0,{_SECOND_SIZED_FRAMES}[both]"
)


class Layout(Enum):
    """What FFmpeg gives out, as its options.

    The channels of the first track of audio, as they are or mixed to one frame by frame, or two tracks as two channels.
    """

    AS_THEY_ARE = (*_FIRST_TRACK, "-af", _SECOND_SIZED_FRAMES)
    MIXED = (*_FIRST_TRACK, "-ac", "1", "-ar", str(SAMPLE_RATE))
    TRACKS = ("-filter_complex", _TWO_TRACKS, "-map", "[both]")


class NotMono(Exception):
    """The source is not one channel from its first sample to its last: it must be decoded into a file."""


class _UnknownLayout(Exception):
    """The source has more than two channels, or such as are neither mono nor stereo."""


class Decoder:
    """Decodes one input at a time into 16 kHz 16-bit PCM; `damaged` is true when decode errors were skipped.

    A screen recorder writes the microphone and the far end as two tracks of audio: two are decoded as two channels, of
    more the first two. `most_audio_streams` is how many an input had at most.
    `temporaries` is the directory where the chunks of an M4A are joined; an input of one file does not need it.
    """

    def __init__(self, policy: DecodePolicy, temporaries: Path | None = None) -> None:
        self._policy = policy
        self._temporaries = temporaries
        self.damaged = False
        self.most_audio_streams = 0

    async def decode(self, source: DecoderInput) -> AsyncGenerator[bytes, None]:
        """Yield the PCM of a source of one channel while FFmpeg decodes.

        Raises NotMono for any other source, perhaps only at its end; BadMedia for input that is not audio, crashes the
        decoder, or is longer than allowed; and Unavailable when the program can't be started or was killed from
        outside, as for lack of memory. The child process has ended when the iteration ends, however it ends; close the
        iterator when leaving it early.
        """
        arguments = decoder_arguments(source, Layout.AS_THEY_ARE)
        limit = HEADER_BYTES + self._policy.max_audio_seconds * BYTES_PER_SECOND
        head = b""
        async with self._start(source, asyncio.subprocess.PIPE, arguments) as process:
            async for piece in process.read(limit):
                if len(head) == HEADER_BYTES:
                    yield piece
                    continue
                missing = HEADER_BYTES - len(head)
                head += piece[:missing]
                if len(head) == HEADER_BYTES:
                    if decoded_channels(head) != 1:
                        raise NotMono
                    yield piece[missing:]
            try:
                await self._check_exit(process)
            except BadMedia:
                if not process.decoder_log.reconfigured:
                    raise
            if process.decoder_log.reconfigured or process.decoder_log.audio_streams > 1:
                raise NotMono

    async def decode_into(self, source: DecoderInput, target: int, max_frames: int) -> None:
        """Append a WAV of one or two channels and at most `max_frames` frames to the open file; FFmpeg writes it.

        Its header says how many channels there are and nothing about its length. Raises what `decode` raises besides
        NotMono, and Unavailable when the disk is full; what was written by then stays.
        The tracks of an input that has several are decoded again as channels.
        Samples go through FFmpeg's threads in frames of one second, which saves a fifth of its work (docs/adr/0013).
        Where rate or channels change within the stream, up to a second would be lost at each change, so that such an
        input is decoded again frame by frame.
        """
        start = os.lseek(target, 0, os.SEEK_CUR)
        decoder_log = DecoderLog()
        try:
            await self._decode_into(source, target, max_frames, decoder_log, Layout.AS_THEY_ARE)
        except _UnknownLayout:
            pass
        except BadMedia:
            if not decoder_log.reconfigured:
                raise
        else:
            if not decoder_log.reconfigured and decoder_log.audio_streams <= 1:
                return
        layout = Layout.TRACKS if decoder_log.audio_streams > 1 else Layout.MIXED
        os.lseek(target, start, os.SEEK_SET)
        os.ftruncate(target, start)
        try:
            await self._decode_into(source, target, max_frames, DecoderLog(), layout)
        except _UnknownLayout:  # whatever the program is, it wrote no WAV
            raise BadMedia("The bytes could not be decoded as audio.") from None

    async def _decode_into(
        self, source: DecoderInput, target: int, max_frames: int, decoder_log: DecoderLog, layout: Layout
    ) -> None:
        output = _Output(target, max_frames)
        arguments = decoder_arguments(source, layout)
        async with self._start(source, target, arguments, file_size=output.cap, decoder_log=decoder_log) as process:
            await self._watch(process.child, output)
            if output.too_long:
                raise too_long(self._policy)
            await self._check_exit(process)

    async def _check_exit(self, process: FFmpegProcess) -> None:
        await process.check_exit()
        self.damaged = self.damaged or process.decoder_log.damaged
        self.most_audio_streams = max(self.most_audio_streams, process.decoder_log.audio_streams)

    @asynccontextmanager
    async def _start(
        self,
        source: DecoderInput,
        stdout: int,
        arguments: list[str],
        *,
        file_size: int = 0,
        decoder_log: DecoderLog | None = None,
    ) -> AsyncIterator[FFmpegProcess]:
        """Run the decoder inside the block; after the block, its process and those it started have ended."""
        with ExitStack() as stack:
            descriptor, feed = await asyncio.to_thread(open_decoder_input, stack, source, self._temporaries)
            stdin = stack.enter_context(os.fdopen(descriptor, "rb", buffering=0))
            feeding: list[asyncio.Task[None]] = []
            try:
                async with running_ffmpeg(
                    self._policy,
                    arguments,
                    stdin=descriptor,
                    stdout=stdout,
                    file_size=file_size,
                    decoder_log=decoder_log,
                ) as process:
                    stdin.close()  # the child has its own copy; with ours open, its death would not stop the feeder
                    feeding.append(asyncio.create_task(asyncio.to_thread(feed)))
                    yield process
            finally:
                if feeding:
                    await asyncio.wait(feeding, timeout=REAP_SECONDS)

    async def _watch(self, child: asyncio.subprocess.Process, output: "_Output") -> None:
        """Wait until the child ends, looking at its file at growing intervals.

        Raises BadMedia when the file stops growing, grows too long, or the output deadline has passed, and
        _UnknownLayout for channels that are not kept.
        """
        clock = asyncio.get_running_loop().time
        size, grown, interval = output.size, clock(), _FIRST_CHECK
        deadline = grown + self._policy.output_seconds
        while (now := clock()) < min(deadline, grown + self._policy.idle_seconds):
            with suppress(TimeoutError):
                async with asyncio.timeout(min(interval, deadline - now)):
                    await child.wait()
            if output.has_unknown_layout:
                raise _UnknownLayout
            if child.returncode is not None or output.too_long:
                return
            interval = min(2 * interval, self._policy.idle_seconds / _SIZE_CHECKS)
            if output.size > size:
                size, grown = output.size, clock()
        raise too_slow()


class _Output:
    """The WAV that FFmpeg appends to a file, and how far it may grow; `cap` is in bytes from the file's start."""

    def __init__(self, target: int, max_frames: int) -> None:
        self._target = target
        self._start = os.lseek(target, 0, os.SEEK_CUR)
        self._max_frames = max_frames
        # One frame past the limit tells too long from just long enough.
        self.cap = self._start + HEADER_BYTES + (max_frames + 1) * MAX_CHANNELS * SAMPLE_BYTES

    @property
    def size(self) -> int:
        """Bytes written."""
        return os.fstat(self._target).st_size - self._start

    @property
    def channels(self) -> int | None:
        """How many channels there are; None before the header is written, and for a layout that is not kept."""
        return decoded_channels(os.pread(self._target, HEADER_BYTES, self._start))

    @property
    def has_unknown_layout(self) -> bool:
        """Whether there is a header that says neither mono nor stereo."""
        return self.size >= HEADER_BYTES and self.channels is None

    @property
    def too_long(self) -> bool:
        """Whether there are more frames than allowed."""
        return self.size > HEADER_BYTES + self._max_frames * (self.channels or MAX_CHANNELS) * SAMPLE_BYTES


def decoder_arguments(source: DecoderInput, layout: Layout) -> list[str]:
    """Return FFmpeg's arguments: it reads its stdin as this container alone, and writes to its stdout."""
    container = source.container
    level = "level+info" if layout is Layout.AS_THEY_ARE else "level+error"  # a change of rate is logged at level info
    options = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", level]
    options += ["-filter_threads", "1", "-threads", "1"]
    input_options = ["-protocol_whitelist", "fd", "-codec_whitelist", container.decoders, "-f", container.demuxer]
    if source.skip:
        input_options += ["-skip_initial_bytes", str(source.skip)]
    if source.ignore_length:
        input_options += ["-ignore_length", "1"]
    # Without the source's titles and FFmpeg's name, the header has 44 bytes.
    plain_wav = [
        "-map_metadata",
        "-1",
        "-fflags",
        "+bitexact",
        "-flags:a",
        "+bitexact",
        "-c:a",
        "pcm_s16le",
        "-f",
        "wav",
    ]
    return [*options, *input_options, "-i", "fd:", *layout.value, *plain_wav, "pipe:1"]
