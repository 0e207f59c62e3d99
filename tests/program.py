"""A Python program as a process, forked from one that has imported everything (`tests.fork_server`)."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from tests.fork_server import Order

_STAYING: list[socket.socket] = []  # this process's own connection: the server stays until it is gone


class Program:
    """A running `python -m <module>`; a subset of `asyncio.subprocess.Process`, to be used in the same way."""

    def __init__(self, pid: int, connection: socket.socket, stdout: asyncio.StreamReader | None) -> None:
        self.pid = pid
        self.stdout = stdout
        self.returncode: int | None = None
        self._connection = connection
        self._ending = asyncio.create_task(self._end(), name=f"program {pid}")

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal; raises ProcessLookupError when it has ended."""
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Wait for its end and return its status, negative for a signal's."""
        return await asyncio.shield(self._ending)

    async def communicate(self) -> tuple[bytes, None]:
        """Wait for its end and return all it wrote to its stdout."""
        assert self.stdout is not None, "no pipe"
        said = await self.stdout.read()
        await self.wait()
        return said, None

    async def _end(self) -> int:
        try:
            status = await asyncio.get_running_loop().sock_recv(self._connection, 32)
            self.returncode = int(status)
        finally:
            self._connection.close()
        return self.returncode


async def start_program(
    module: str,
    *arguments: str,
    environment: Mapping[str, str],
    piped: bool = False,
    stderr: IO[bytes] | None = None,
) -> Program:
    """Start `python -m <module>` in the current folder.

    Its stdout is a pipe, which stderr shares unless it has a file, or, not `piped`, nothing.
    """
    order = Order(module=module, arguments=list(arguments), environment=dict(environment), folder=str(Path.cwd()))
    connection = _connection()
    loop = asyncio.get_running_loop()
    with open(os.devnull, "r+b") as nothing:  # noqa: ASYNC230, PTH123  # never blocks
        reading, writing = os.pipe() if piped else (None, os.dup(nothing.fileno()))
        try:
            streams = [nothing.fileno(), writing, stderr.fileno() if stderr else writing]
            socket.send_fds(connection, [json.dumps(order).encode()], streams)
        finally:
            os.close(writing)
    pid = int(await loop.sock_recv(connection, 32))
    return Program(pid, connection, await _reader(reading) if reading is not None else None)


async def _reader(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=2**20)
    pipe = os.fdopen(descriptor, "rb")
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader


def _connection() -> socket.socket:
    """Connect to the run's server, which is started by the first who needs it."""
    if not _STAYING:
        _STAYING.append(_connected())
    return _connected()


def _connected() -> socket.socket:
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    address = f"\0roomtone-tests-{run}"
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with suppress(ConnectionRefusedError):
            connection.connect(address)
            connection.setblocking(False)
            return connection
        connection.close()
        _start_server(address)


def _start_server(address: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        try:
            listener.bind(address)
        except OSError:  # another worker was faster
            return
        listener.listen(64)
        listener.set_inheritable(True)
        repository = str(Path(__file__).parents[1])
        starter = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "tests.fork_server", str(listener.fileno())],
            {**os.environ, "PYTHONPATH": repository, "OPENBLAS_NUM_THREADS": "1"},  # threads outlive no fork
            file_actions=[(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1)],
            setsid=True,
        )
        os.waitpid(starter, 0)
