"""Runs FFmpeg as a confined child process, reads its output within limits, and tells what its exit status means."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from errno import EDQUOT, EFBIG, ENOSPC

import structlog

from shared.audio.decoder_log import DecoderLog
from shared.domain.errors import BadMedia, Unavailable
from shared.process.child import EXIT_CANNOT_START, Command, Limits, start_child

_SEND = "send it as WAV (PCM), MP3, M4A, AAC, Ogg, WebM, FLAC or AMR."

log = structlog.stdlib.get_logger(__name__)

READ_BYTES = 256 * 1024
REAP_SECONDS = 10.0
_INTERRUPTED = 255  # FFmpeg's exit status after any signal that it may catch, SIGXCPU among them
_BUSY_THREADS = 3  # of FFmpeg even with one thread a codec: it reads, decodes and resamples in parallel
# FFmpeg exits with the negative errno, which the system cuts to 8 bits.
_DISK_FULL_STATUSES = {256 - number for number in (ENOSPC, EFBIG, EDQUOT)}


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

    @property
    def output_seconds(self) -> float:
        """How long to wait for output altogether."""
        return 2.0 * self.cpu_seconds


@dataclass(frozen=True, slots=True)
class FFmpegProcess:
    """A running FFmpeg process, started at `started` on the loop's clock, and the task that reads its log."""

    policy: DecodePolicy
    child: asyncio.subprocess.Process
    decoder_log: DecoderLog
    log_task: asyncio.Task[None]
    started: float

    async def read(self, max_bytes: int) -> AsyncIterator[bytes]:
        """Yield what the process writes to its pipe; raises BadMedia past `max_bytes` and past the policy's times."""
        assert self.child.stdout is not None  # noqa: S101  # by construction
        bytes_left = max_bytes
        seconds_left = self.policy.output_seconds
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            try:
                async with asyncio.timeout(min(self.policy.idle_seconds, seconds_left)):
                    piece = await self.child.stdout.read(READ_BYTES)
            except TimeoutError as exc:
                raise too_slow() from exc
            seconds_left -= clock() - began
            if not piece:
                return
            bytes_left -= len(piece)
            if bytes_left < 0:
                raise too_long(self.policy)
            yield piece

    async def check_exit(self) -> None:
        """Wait for the end of the process; raises BadMedia, or Unavailable where the server is at fault."""
        try:
            async with asyncio.timeout(REAP_SECONDS):
                status = await self.child.wait()
                await self.log_task
        except TimeoutError as exc:
            raise too_slow() from exc
        if self._ran_out_of_cpu(status, asyncio.get_running_loop().time() - self.started):
            raise too_slow()
        if status in {EXIT_CANNOT_START, -signal.SIGKILL}:
            log.error("the decoder could not start or was killed", status=status, program=self.policy.ffmpeg)
            raise Unavailable("The decoder could not run on the server.", code="decoder_unavailable")
        if status in _DISK_FULL_STATUSES:
            raise Unavailable("The spool has no room for the decoded audio.", code="disk_full")
        if status != 0:
            log.info("decoder failed", status=status, decoder_log=self.decoder_log.last[-300:])
            if self.decoder_log.without_audio:
                raise BadMedia("There is no audio in the bytes.", code="no_audio")
            if (codec := self.decoder_log.refused_codec) is not None:
                raise BadMedia(f"The sound is in the codec {codec}, which is not taken: {_SEND}", code="bad_media")
            message = "The bytes could not be decoded as audio." if status > 0 else "The audio broke the decoder."
            raise BadMedia(message)

    def _ran_out_of_cpu(self, status: int, seconds: float) -> bool:
        """Whether a child process that ran for `seconds` ended because its processor time was used up.

        The kernel sends SIGXCPU, which FFmpeg catches, and then SIGKILL, as it does for lack of memory. The two
        are told apart by whether the process can have used its processor time at all in those seconds.
        """
        if status == -signal.SIGXCPU:
            return True
        return status in {_INTERRUPTED, -signal.SIGKILL} and seconds * _BUSY_THREADS >= self.policy.cpu_seconds


@asynccontextmanager
async def running_ffmpeg(
    policy: DecodePolicy,
    arguments: Sequence[str],
    *,
    stdin: int,
    stdout: int,
    file_size: int = 0,
    decoder_log: DecoderLog | None = None,
) -> AsyncIterator[FFmpegProcess]:
    """Run FFmpeg inside the block; after the block, its process and those it started have ended.

    It may write files of up to `file_size` bytes, open no socket, and use what `policy` allows.
    """
    limits = Limits(
        memory=policy.memory,
        cpu=policy.cpu_seconds,
        file_size=file_size,
        open_files=32,
        processes=policy.processes,
        isolated=True,
    )
    command = Command(policy.ffmpeg, arguments)
    pipe = asyncio.subprocess.PIPE
    child = await start_child(command, limits, stdin=stdin, stdout=stdout, stderr=pipe, buffer=READ_BYTES * 2)
    assert child.stderr is not None  # noqa: S101  # by construction
    decoder_log = decoder_log or DecoderLog()
    started = asyncio.get_running_loop().time()
    log_task = asyncio.create_task(decoder_log.read(child.stderr))
    try:
        yield FFmpegProcess(policy, child, decoder_log, log_task, started)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # and what it started, which would hold the pipes open
        await asyncio.wait([log_task], timeout=REAP_SECONDS)
        log_task.cancel()
        await child.wait()


def too_slow() -> BadMedia:
    """Return the error of a decode that took too long."""
    return BadMedia("The audio could not be decoded in time.", code="decode_timeout")


def too_long(policy: DecodePolicy) -> BadMedia:
    """Return the error of a recording that has more seconds than the policy allows."""
    return BadMedia(f"The audio is longer than {policy.max_audio_seconds} seconds.", code="too_long")
