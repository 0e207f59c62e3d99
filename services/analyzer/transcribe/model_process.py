"""A model in a child process: its memory, its crashes and its lock on the interpreter are its own."""

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
_LONGEST_ANSWER = 4 * 1024 * 1024
_NOISE = 4096


class ModelStoppedError(Exception):
    """The child ended, or said something that is not an answer."""


class ModelProcess:
    """One child that answers a frame with a frame (see `moonshine_worker`), one at a time.

    Whoever is interrupted in `exchange` must `end` it: the answer would be taken for the next one's.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None  # noqa: S101, PT018  # pipes, by `start`
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._listening = asyncio.create_task(_log_stderr(process.stderr), name="model-stderr")

    @classmethod
    async def start(cls, arguments: Sequence[str]) -> Self:
        """Start this interpreter with `arguments`, isolated: no environment, and no path but its packages.

        Must be called on the main thread's loop, with whose thread the child dies (`shared.child`).
        """
        command = Command(sys.executable, ["-I", *arguments])
        pipe = asyncio.subprocess.PIPE
        return cls(await start_child(command, Limits(), stdin=pipe, stdout=pipe, stderr=pipe))

    @property
    def id(self) -> int:
        """The child's process id."""
        return self._process.pid

    async def request(self, question: bytes) -> bytes:
        """Send a frame and return the answer; raises ModelStoppedError."""
        try:
            self._stdin.write(_LENGTH.pack(len(question)))
            self._stdin.write(question)
            await self._stdin.drain()
        except ConnectionError as exc:
            raise ModelStoppedError("it takes no more questions") from exc
        return await self.read_response()

    async def read_response(self) -> bytes:
        """Return the next frame that the child says; raises ModelStoppedError."""
        try:
            (size,) = _LENGTH.unpack(await self._stdout.readexactly(_LENGTH.size))
            if size > _LONGEST_ANSWER:
                raise ModelStoppedError("its answer is not one")
            return await self._stdout.readexactly(size)
        except asyncio.IncompleteReadError as exc:
            raise ModelStoppedError("it ended before it answered") from exc

    async def kill(self) -> None:
        """Kill the child, which keeps nothing worth a goodbye, and wait until it is gone."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._stdin.close()
        await asyncio.gather(self._process.wait(), self._stdout.read(), self._listening)


async def _log_stderr(stderr: asyncio.StreamReader) -> None:
    """Put what native code prints into our log, and keep its pipe from filling up."""
    while noise := await stderr.read(_NOISE):
        log.warning("the model printed", text=noise.decode(errors="replace").strip())
