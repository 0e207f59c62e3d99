"""Runs a model in a child process, which has its own memory, crashes and interpreter lock."""

import asyncio
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

import structlog

from shared.process.child import Command, Limits, start_child

log = structlog.stdlib.get_logger(__name__)

_LENGTH = struct.Struct("<I")
_MAX_RESPONSE_BYTES = 4 * 1024 * 1024
_STDERR_READ = 4096


class ModelStoppedError(Exception):
    """The child ended, or sent something that is not a frame."""


class ModelProcess:
    """A child that answers each frame with a frame (see `moonshine_worker`), one at a time.

    After a cancelled `request` the process must be killed: the late response would be taken for the next one's.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None  # noqa: S101, PT018  # pipes, by `start`
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._stderr_log = asyncio.create_task(_log_stderr(process.stderr), name="model-stderr")

    @classmethod
    async def start(cls, arguments: Sequence[str]) -> Self:
        """Start this interpreter with `arguments`, isolated: no environment, and no path but its packages.

        Must be called on the main thread's loop: the child dies with its parent thread (`shared.process.child`).
        """
        command = Command(sys.executable, ["-I", *arguments])
        pipe = asyncio.subprocess.PIPE
        return cls(await start_child(command, Limits(), stdin=pipe, stdout=pipe, stderr=pipe))

    @property
    def id(self) -> int:
        """The child's process id."""
        return self._process.pid

    async def request(self, content: bytes) -> bytes:
        """Send a frame and return the response's content; raises ModelStoppedError."""
        try:
            self._stdin.write(_LENGTH.pack(len(content)))
            self._stdin.write(content)
            await self._stdin.drain()
        except ConnectionError as exc:
            raise ModelStoppedError("it takes no more questions") from exc
        return await self.read_response()

    async def read_response(self) -> bytes:
        """Return the content of the child's next frame, 4 MiB at most; raises ModelStoppedError."""
        try:
            (size,) = _LENGTH.unpack(await self._stdout.readexactly(_LENGTH.size))
            if size > _MAX_RESPONSE_BYTES:
                raise ModelStoppedError("its answer is not one")
            return await self._stdout.readexactly(size)
        except asyncio.IncompleteReadError as exc:
            raise ModelStoppedError("it ended before it answered") from exc

    async def kill(self) -> None:
        """Kill the child with SIGKILL, since it has nothing to save, and wait until it is gone."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._stdin.close()
        await asyncio.gather(self._process.wait(), self._stdout.read(), self._stderr_log)


async def _log_stderr(stderr: asyncio.StreamReader) -> None:
    """Log what native code prints to stderr, which also keeps the pipe from filling up."""
    while printed := await stderr.read(_STDERR_READ):
        log.warning("the model printed", text=printed.decode(errors="replace").strip())
