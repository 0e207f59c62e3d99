"""Untrusted audio to PCM: each decode is one short-lived, confined `ffmpeg` child."""

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

_STDERR_READ = 64 * 1024
_KEPT = 2048
_DAMAGE = (b"[error]", b"[fatal]", b"[panic]")
_RECONFIGURED = b"Reconfiguring filter graph"
_OVERLAP = len(_RECONFIGURED) - 1  # no less than any other sign


class DecoderLog:
    """What FFmpeg, told to name the level of each line, wrote; `last` is the end of it.

    `damaged`: something could not be decoded. `reconfigured`: the sound's rate or channels changed on the way. A file's
    own title may say either; the first costs its owner a warning, the second a decode more.
    """

    def __init__(self) -> None:
        self.last = ""
        self.damaged = False
        self.reconfigured = False

    async def read(self, stream: asyncio.StreamReader) -> None:
        """Read to the end, since a child whose words nobody takes stands still."""
        kept = overlap = b""
        while piece := await stream.read(_STDERR_READ):
            seen = overlap + piece
            self.damaged = self.damaged or any(sign in seen for sign in _DAMAGE)
            self.reconfigured = self.reconfigured or _RECONFIGURED in seen
            overlap = seen[-_OVERLAP:]
            kept = (kept + piece)[-_KEPT:]
        self.last = kept.decode(errors="replace").strip()


log = structlog.stdlib.get_logger(__name__)

_READ = 256 * 1024
_REAP_SECONDS = 10.0
_INTERRUPTED = 255  # how FFmpeg ends on any signal that it may catch, SIGXCPU among them
_BUSY_THREADS = 3  # of FFmpeg even with one thread a codec: it reads, decodes and resamples side by side
_SIZE_CHECKS = 4  # at a growing file within the time that it may stand still
_DISK_FULL_STATUSES = {
    256 - number for number in (ENOSPC, EFBIG, EDQUOT)
}  # FFmpeg ends with the error's negative number
_SECOND_SIZED_FRAMES = f"aresample={SAMPLE_RATE}:ochl=mono:osf=s16,asetnsamples=n={SAMPLE_RATE}:p=0"


@dataclass(slots=True)
class _DecoderProcess:
    """One child at work since `started` on the loop's clock, and what it says."""

    child: asyncio.subprocess.Process
    complaints: DecoderLog
    listening: asyncio.Task[None]
    started: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodePolicy:
    """What a decode may cost: seconds of audio, of processor time, without output, and bytes of address space.

    The time in which we wait for output may in all be twice that of the processor.
    """

    ffmpeg: str
    max_audio_seconds: int = 24 * 3600
    cpu_seconds: int = 1800
    idle_seconds: float = 120.0
    memory: int = 1024**3
    processes: int = 4096


class Decoder:
    """Decodes one source at a time into mono 16 kHz 16-bit PCM; `damaged` tells whether errors were passed over.

    `temporaries` is where the pieces of an M4A are joined; a source that is one file needs no such place.
    """

    def __init__(self, policy: DecodePolicy, temporaries: Path | None = None) -> None:
        self._policy = policy
        self._temporaries = temporaries
        self.damaged = False

    async def decode(self, source: DecoderInput) -> AsyncGenerator[bytes, None]:
        """Yield PCM pieces in order while FFmpeg decodes.

        Raises BadMedia for what is not audio, crashes the decoder, or is longer than allowed, and Unavailable when the
        program can't be started or was killed from outside, as for want of memory. The child is gone
        when the iteration ends, however it ends; close the iterator if you leave it early.
        """
        async with self._start(source, asyncio.subprocess.PIPE, self._command(source)) as run:
            async for piece in self._read_pcm(run.child):
                yield piece
            await self._check_exit(run)

    async def decode_into(self, source: DecoderInput, target: int, limit: int) -> None:
        """Append the PCM to the open file `target`, which may grow to `limit` bytes; FFmpeg itself writes to it.

        Raises what `decode` raises, and Unavailable when the disk takes no more; what was written by then stays.
        Samples go through FFmpeg's threads a second at a time, which saves a fifth of its work (docs/adr/0013); where
        rate or channels change on the way, up to a second would be lost at each change, so that such a source is
        decoded anew frame by frame.
        """
        start = os.lseek(target, 0, os.SEEK_CUR)
        complaints = DecoderLog()
        try:
            await self._decode_into(source, target, limit, complaints, by_the_second=True)
        except BadMedia:
            if not complaints.reconfigured:
                raise
        if complaints.reconfigured:
            os.lseek(target, start, os.SEEK_SET)
            os.ftruncate(target, start)
            await self._decode_into(source, target, limit, DecoderLog(), by_the_second=False)

    async def _decode_into(
        self, source: DecoderInput, target: int, limit: int, complaints: DecoderLog, *, by_the_second: bool
    ) -> None:
        command = self._command(source, by_the_second=by_the_second)
        cap = limit + SAMPLE_BYTES  # one sample past the limit tells too long from just long enough
        async with self._start(source, target, command, file_size=cap, complaints=complaints) as run:
            await self._wait_while_growing(run.child, target)
            if os.fstat(target).st_size > limit:
                raise self._too_long()
            await self._check_exit(run)

    @asynccontextmanager
    async def _start(
        self,
        source: DecoderInput,
        stdout: int,
        command: Command,
        *,
        file_size: int = 0,
        complaints: DecoderLog | None = None,
    ) -> AsyncIterator[_DecoderProcess]:
        """Run the decoder inside the block; it is gone behind it, and whatever it started."""
        with ExitStack() as stack:
            stdin, feed = await asyncio.to_thread(open_decoder_input, stack, source, self._temporaries)
            try:
                pipe, limits = asyncio.subprocess.PIPE, self._limits(file_size)
                child = await start_child(command, limits, stdin=stdin, stdout=stdout, stderr=pipe, buffer=_READ * 2)
            finally:
                os.close(stdin)  # the child has its own; with ours open, its death would not stop the feeding
            assert child.stderr is not None  # noqa: S101  # by construction
            complaints = complaints or DecoderLog()
            started = asyncio.get_running_loop().time()
            feeding = asyncio.create_task(asyncio.to_thread(feed))
            listening = asyncio.create_task(complaints.read(child.stderr))
            try:
                yield _DecoderProcess(child, complaints, listening, started)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)  # and whatever it started, which would hold the pipes open
                await asyncio.wait([feeding, listening], timeout=_REAP_SECONDS)
                listening.cancel()
                await child.wait()

    async def _wait_while_growing(self, child: asyncio.subprocess.Process, target: int) -> None:
        """Wait for the child's end for as long as the file grows, and no longer than output may be waited for."""
        clock = asyncio.get_running_loop().time
        end = clock() + self._output_deadline
        size, quiet = os.fstat(target).st_size, 0
        while quiet < _SIZE_CHECKS and clock() < end:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(self._policy.idle_seconds / _SIZE_CHECKS, end - clock())):
                    await child.wait()
                    return
            grown = os.fstat(target).st_size
            size, quiet = grown, 0 if grown > size else quiet + 1
        raise _too_slow()

    async def _read_pcm(self, child: asyncio.subprocess.Process) -> AsyncIterator[bytes]:
        assert child.stdout is not None  # noqa: S101  # by construction
        allowed = self._policy.max_audio_seconds * BYTES_PER_SECOND
        patience = self._output_deadline
        clock = asyncio.get_running_loop().time
        while True:
            asked = clock()
            try:
                async with asyncio.timeout(min(self._policy.idle_seconds, patience)):
                    piece = await child.stdout.read(_READ)
            except TimeoutError as exc:
                raise _too_slow() from exc
            patience -= clock() - asked
            if not piece:
                return
            allowed -= len(piece)
            if allowed < 0:
                raise self._too_long()
            yield piece

    async def _check_exit(self, run: _DecoderProcess) -> None:
        try:
            async with asyncio.timeout(_REAP_SECONDS):
                status = await run.child.wait()
                await run.listening
        except TimeoutError as exc:
            raise _too_slow() from exc
        if self._ran_out_of_cpu(status, asyncio.get_running_loop().time() - run.started):
            raise _too_slow()
        if status in {EXIT_CANNOT_START, -signal.SIGKILL}:
            log.error("the decoder was not let work", status=status, program=self._policy.ffmpeg)
            raise Unavailable("The decoder could not run on the server.", code="decoder_unavailable")
        if status in _DISK_FULL_STATUSES:
            raise Unavailable("The spool has no room for the decoded audio.", code="disk_full")
        if status != 0:
            log.info("decoder refused", status=status, complaints=run.complaints.last[-300:])
            message = "The bytes could not be decoded as audio." if status > 0 else "The audio broke the decoder."
            raise BadMedia(message)
        self.damaged = self.damaged or run.complaints.damaged

    def _ran_out_of_cpu(self, status: int, seconds: float) -> bool:
        """Whether a child that lived for `seconds` ended for want of processor time.

        The kernel says so with SIGXCPU, which FFmpeg catches, and then kills, as it does for want of memory; that is
        told apart by whether so much of it can have been used at all.
        """
        if status == -signal.SIGXCPU:
            return True
        return status in {_INTERRUPTED, -signal.SIGKILL} and seconds * _BUSY_THREADS >= self._policy.cpu_seconds

    @property
    def _output_deadline(self) -> float:
        return 2.0 * self._policy.cpu_seconds

    def _too_long(self) -> BadMedia:
        return BadMedia(f"The audio is longer than {self._policy.max_audio_seconds} seconds.", code="too_long")

    def _command(self, source: DecoderInput, *, by_the_second: bool = False) -> Command:
        container = source.container
        level = "level+info" if by_the_second else "level+error"  # the change of a rate is told as information
        quiet = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", level]
        quiet += ["-filter_threads", "1", "-threads", "1"]
        given = ["-protocol_whitelist", "fd", "-codec_whitelist", container.decoders, "-f", container.demuxer]
        if source.ignore_length:
            given += ["-ignore_length", "1"]
        form = ["-af", _SECOND_SIZED_FRAMES] if by_the_second else ["-ac", "1", "-ar", str(SAMPLE_RATE)]
        wanted = ["-map", "0:a:0", *form, "-c:a", "pcm_s16le", "-f", "s16le"]
        return Command(self._policy.ffmpeg, [*quiet, *given, "-i", "fd:", *wanted, "pipe:1"])

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
