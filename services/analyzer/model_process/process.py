"""Runs the local models in a child process, which has its own memory, crashes and interpreter lock."""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

import structlog

from services.analyzer.model_process.frames import MAX_RESPONSE_BYTES, REQUEST_HEAD, RESPONSE_HEAD, Status
from shared.process.child import Command, Limits, start_child

log = structlog.stdlib.get_logger(__name__)

_ROOT = Path(__file__).parents[3]  # the folder of our packages, which an isolated interpreter does not know
_RUN = "import sys; sys.path.insert(0, sys.argv[1]); from services.analyzer.model_worker import main; main()"
_STDERR_READ = 4096


class ModelStoppedError(Exception):
    """The child ended, or sent something that is not a frame."""


class ModelProcess:
    """A child that answers each request with a response (`frames`), one at a time, by `services.analyzer.model_worker`.

    After a cancelled `request` the process must be killed: the late response would be taken for the next one's.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None  # noqa: S101, PT018  # pipes, by `start`
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._stderr_log = asyncio.create_task(_log_stderr(process.stderr), name="model-stderr")

    @classmethod
    async def start(cls) -> Self:
        """Start this interpreter, isolated: no environment, and no path but its packages and our own.

        Must be called on the main thread's loop: the child dies with its parent thread (`shared.process.child`).
        """
        command = Command(sys.executable, ["-I", "-c", _RUN, str(_ROOT)])
        pipe = asyncio.subprocess.PIPE
        return cls(await start_child(command, Limits(), stdin=pipe, stdout=pipe, stderr=pipe))

    async def request(self, task: str, body: bytes) -> tuple[Status, bytes]:
        """Send a request and return the response; raises ModelStoppedError, also for more than 4 MiB."""
        name = task.encode()
        try:
            self._stdin.write(REQUEST_HEAD.pack(len(name), len(body)) + name)
            self._stdin.write(body)
            await self._stdin.drain()
        except ConnectionError as exc:
            raise ModelStoppedError("it takes no more questions") from exc
        return await self._read_response()

    async def _read_response(self) -> tuple[Status, bytes]:
        try:
            status, size = RESPONSE_HEAD.unpack(await self._stdout.readexactly(RESPONSE_HEAD.size))
            if status not in set(Status) or size > MAX_RESPONSE_BYTES:
                raise ModelStoppedError("its answer is not one")
            return Status(status), await self._stdout.readexactly(size)
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
