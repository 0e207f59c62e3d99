"""Decodes untrusted audio to PCM: each decode is one short-lived, confined `ffmpeg` child process."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path

import structlog

from shared.audio.pcm import BYTES_PER_SECOND, SAMPLE_BYTES, SAMPLE_RATE
from shared.audio.source import DecoderInput, open_decoder_input
from shared.domain.errors import BadMedia, Unavailable
from shared.process.child import EXIT_CANNOT_START, Command, Limits, start_child

_STDERR_READ_BYTES = 64 * 1024
_TAIL_BYTES = 2048
_ERROR_LEVELS = (b"[error]", b"[fatal]", b"[panic]")
_RECONFIGURED = b"Reconfiguring filter graph"
_OVERLAP = len(_RECONFIGURED) - 1  # the longest marker's length, less one


class DecoderLog:
    """Reads FFmpeg's stderr to the end and keeps its last 2 KiB; notes decode errors and filter-graph reconfiguration.

    FFmpeg names the level of each line. `damaged`: something could not be decoded. `reconfigured`: the sample rate or
    the channels changed within the stream. A file's own title may contain either marker; the first then costs its
    owner a warning, the second another decode.
    """

    def __init__(self) -> None:
        self.last = ""
        self.damaged = False
        self.reconfigured = False

    async def read(self, stream: asyncio.StreamReader) -> None:
        """Read to the end: a child process blocks as soon as its stderr pipe is full."""
        tail = overlap = b""
        while piece := await stream.read(_STDERR_READ_BYTES):
            searched = overlap + piece
            self.damaged = self.damaged or any(level in searched for level in _ERROR_LEVELS)
            self.reconfigured = self.reconfigured or _RECONFIGURED in searched
            overlap = searched[-_OVERLAP:]
            tail = (tail + piece)[-_TAIL_BYTES:]
        self.last = tail.decode(errors="replace").strip()


log = structlog.stdlib.get_logger(__name__)

_READ_BYTES = 256 * 1024
_REAP_SECONDS = 10.0
_INTERRUPTED = 255  # FFmpeg's exit status after any signal that it may catch, SIGXCPU among them
_BUSY_THREADS = 3  # of FFmpeg even with one thread a codec: it reads, decodes and resamples in parallel
_SIZE_CHECKS = 4  # of the output file's size within `idle_seconds`
# FFmpeg exits with the negative errno, which the system cuts to 8 bits.
_DISK_FULL_STATUSES = {256 - number for number in (ENOSPC, EFBIG, EDQUOT)}
_SECOND_SIZED_FRAMES = f"aresample={SAMPLE_RATE}:ochl=mono:osf=s16,asetnsamples=n={SAMPLE_RATE}:p=0"


@dataclass(slots=True)
class _DecoderProcess:
    """A running FFmpeg process, started at `started` on the loop's clock, and the task that reads its log."""

    child: asyncio.subprocess.Process
    decoder_log: DecoderLog
    log_task: asyncio.Task[None]
    started: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodePolicy:
    """Limits of one decode: seconds of audio, of processor time, without output, and bytes of address space.

    The time spent waiting for output may sum up to twice the processor time.
    """

    ffmpeg: str
    max_audio_seconds: int = 24 * 3600
    cpu_seconds: int = 1800
    idle_seconds: float = 120.0
    memory: int = 1024**3
    processes: int = 4096


class Decoder:
    """Decodes one input at a time into mono 16 kHz 16-bit PCM; `damaged` is true when decode errors were skipped.

    `temporaries` is the directory where the chunks of an M4A are joined; an input of one file does not need it.
    """

    def __init__(self, policy: DecodePolicy, temporaries: Path | None = None) -> None:
        self._policy = policy
        self._temporaries = temporaries
        self.damaged = False

    async def decode(self, source: DecoderInput) -> AsyncGenerator[bytes, None]:
        """Yield PCM pieces in order while FFmpeg decodes.

        Raises BadMedia for input that is not audio, crashes the decoder, or is longer than allowed, and Unavailable
        when the program can't be started or was killed from outside, as for lack of memory. The child process has
        ended when the iteration ends, however it ends; close the iterator when leaving it early.
        """
        async with self._start(source, asyncio.subprocess.PIPE, self._command(source)) as process:
            async for piece in self._read_pcm(process.child):
                yield piece
            await self._check_exit(process)

    async def decode_into(self, source: DecoderInput, target: int, limit: int) -> None:
        """Append the PCM to the open file `target`, which may grow to `limit` bytes; FFmpeg itself writes to it.

        Raises what `decode` raises, and Unavailable when the disk is full; what was written by then stays.
        Samples go through FFmpeg's threads in frames of one second, which saves a fifth of its work (docs/adr/0013).
        Where rate or channels change within the stream, up to a second would be lost at each change, so that such an
        input is decoded again frame by frame.
        """
        start = os.lseek(target, 0, os.SEEK_CUR)
        decoder_log = DecoderLog()
        try:
            await self._decode_into(source, target, limit, decoder_log, second_sized_frames=True)
        except BadMedia:
            if not decoder_log.reconfigured:
                raise
        if decoder_log.reconfigured:
            os.lseek(target, start, os.SEEK_SET)
            os.ftruncate(target, start)
            await self._decode_into(source, target, limit, DecoderLog(), second_sized_frames=False)

    async def _decode_into(
        self, source: DecoderInput, target: int, limit: int, decoder_log: DecoderLog, *, second_sized_frames: bool
    ) -> None:
        command = self._command(source, second_sized_frames=second_sized_frames)
        cap = limit + SAMPLE_BYTES  # one sample past the limit tells too long from just long enough
        async with self._start(source, target, command, file_size=cap, decoder_log=decoder_log) as process:
            await self._wait_while_growing(process.child, target)
            if os.fstat(target).st_size > limit:
                raise self._too_long()
            await self._check_exit(process)

    @asynccontextmanager
    async def _start(
        self,
        source: DecoderInput,
        stdout: int,
        command: Command,
        *,
        file_size: int = 0,
        decoder_log: DecoderLog | None = None,
    ) -> AsyncIterator[_DecoderProcess]:
        """Run the decoder inside the block; after the block, its process and those it started have ended."""
        with ExitStack() as stack:
            stdin, feed = await asyncio.to_thread(open_decoder_input, stack, source, self._temporaries)
            try:
                pipe, limits = asyncio.subprocess.PIPE, self._limits(file_size)
                buffer = _READ_BYTES * 2
                child = await start_child(command, limits, stdin=stdin, stdout=stdout, stderr=pipe, buffer=buffer)
            finally:
                os.close(stdin)  # the child has its own copy; with ours open, its death would not stop the feeder
            assert child.stderr is not None  # noqa: S101  # by construction
            decoder_log = decoder_log or DecoderLog()
            started = asyncio.get_running_loop().time()
            feed_task = asyncio.create_task(asyncio.to_thread(feed))
            log_task = asyncio.create_task(decoder_log.read(child.stderr))
            try:
                yield _DecoderProcess(child, decoder_log, log_task, started)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)  # and what it started, which would hold the pipes open
                await asyncio.wait([feed_task, log_task], timeout=_REAP_SECONDS)
                log_task.cancel()
                await child.wait()

    async def _wait_while_growing(self, child: asyncio.subprocess.Process, target: int) -> None:
        """Wait until the child ends; raises BadMedia when the file stops growing or the output deadline has passed."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._output_seconds
        size, idle_checks = os.fstat(target).st_size, 0
        while idle_checks < _SIZE_CHECKS and clock() < deadline:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(self._policy.idle_seconds / _SIZE_CHECKS, deadline - clock())):
                    await child.wait()
                    return
            new_size = os.fstat(target).st_size
            size, idle_checks = new_size, 0 if new_size > size else idle_checks + 1
        raise _too_slow()

    async def _read_pcm(self, child: asyncio.subprocess.Process) -> AsyncIterator[bytes]:
        assert child.stdout is not None  # noqa: S101  # by construction
        bytes_left = self._policy.max_audio_seconds * BYTES_PER_SECOND
        seconds_left = self._output_seconds
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            try:
                async with asyncio.timeout(min(self._policy.idle_seconds, seconds_left)):
                    piece = await child.stdout.read(_READ_BYTES)
            except TimeoutError as exc:
                raise _too_slow() from exc
            seconds_left -= clock() - began
            if not piece:
                return
            bytes_left -= len(piece)
            if bytes_left < 0:
                raise self._too_long()
            yield piece

    async def _check_exit(self, process: _DecoderProcess) -> None:
        try:
            async with asyncio.timeout(_REAP_SECONDS):
                status = await process.child.wait()
                await process.log_task
        except TimeoutError as exc:
            raise _too_slow() from exc
        if self._ran_out_of_cpu(status, asyncio.get_running_loop().time() - process.started):
            raise _too_slow()
        if status in {EXIT_CANNOT_START, -signal.SIGKILL}:
            log.error("the decoder could not start or was killed", status=status, program=self._policy.ffmpeg)
            raise Unavailable("The decoder could not run on the server.", code="decoder_unavailable")
        if status in _DISK_FULL_STATUSES:
            raise Unavailable("The spool has no room for the decoded audio.", code="disk_full")
        if status != 0:
            log.info("decoder failed", status=status, decoder_log=process.decoder_log.last[-300:])
            message = "The bytes could not be decoded as audio." if status > 0 else "The audio broke the decoder."
            raise BadMedia(message)
        self.damaged = self.damaged or process.decoder_log.damaged

    def _ran_out_of_cpu(self, status: int, seconds: float) -> bool:
        """Whether a child process that ran for `seconds` ended because its processor time was used up.

        The kernel sends SIGXCPU, which FFmpeg catches, and then SIGKILL, as it does for lack of memory. The two
        are told apart by whether the process can have used its processor time at all in those seconds.
        """
        if status == -signal.SIGXCPU:
            return True
        return status in {_INTERRUPTED, -signal.SIGKILL} and seconds * _BUSY_THREADS >= self._policy.cpu_seconds

    @property
    def _output_seconds(self) -> float:
        return 2.0 * self._policy.cpu_seconds

    def _too_long(self) -> BadMedia:
        return BadMedia(f"The audio is longer than {self._policy.max_audio_seconds} seconds.", code="too_long")

    def _command(self, source: DecoderInput, *, second_sized_frames: bool = False) -> Command:
        container = source.container
        level = "level+info" if second_sized_frames else "level+error"  # a change of rate is logged at level info
        options = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", level]
        options += ["-filter_threads", "1", "-threads", "1"]
        input_options = ["-protocol_whitelist", "fd", "-codec_whitelist", container.decoders, "-f", container.demuxer]
        if source.ignore_length:
            input_options += ["-ignore_length", "1"]
        resampling = ["-af", _SECOND_SIZED_FRAMES] if second_sized_frames else ["-ac", "1", "-ar", str(SAMPLE_RATE)]
        output_options = ["-map", "0:a:0", *resampling, "-c:a", "pcm_s16le", "-f", "s16le"]
        return Command(self._policy.ffmpeg, [*options, *input_options, "-i", "fd:", *output_options, "pipe:1"])

    def _limits(self, file_size: int) -> Limits:
        return Limits(
            memory=self._policy.memory,
            cpu=self._policy.cpu_seconds,
            file_size=file_size,
            open_files=32,
            processes=self._policy.processes,
            isolated=True,
        )


def _too_slow() -> BadMedia:
    return BadMedia("The audio could not be decoded in time.", code="decode_timeout")
