"""Runs a one-machine form for the length of one demonstration, with its data in a temporary folder."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from deploy.local.demo.errors import DemoError
from deploy.local.log_file import last_line
from deploy.local.welcome import READY

_READY_SECONDS = 90.0
_STOP_SECONDS = 20.0


@asynccontextmanager
async def own_server() -> AsyncIterator[str]:
    """Start a one-machine form on free ports and yield its address; at the end it is stopped and its data deleted."""
    with tempfile.TemporaryDirectory(prefix="roomtone-demo-") as folder:
        log = Path(folder) / "server.log"
        process = await _start(Path(folder) / "data", log)
        try:
            yield await _address(process, log)
        finally:
            await _stop(process)


async def _start(data: Path, log: Path) -> asyncio.subprocess.Process:
    """Start the server in its own session: Ctrl-C ends the demonstration, which then stops the server."""
    settings = {"HOST": "127.0.0.1", "PORT": "0", "DATA_DIR": str(data), "LOG_FORMAT": "json"}
    with log.open("ab") as file:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deploy.local", "--with-parent"),
            env=os.environ | settings,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=file,
            start_new_session=True,
        )


async def _address(process: asyncio.subprocess.Process, log: Path) -> str:
    assert process.stdout is not None  # noqa: S101  # a pipe, by `_start`
    try:
        async with asyncio.timeout(_READY_SECONDS):
            async for line in process.stdout:
                if line.startswith(READY.encode()):
                    return line.decode().removeprefix(READY).strip()
    except TimeoutError:
        raise DemoError(f"The server was not ready within {_READY_SECONDS:.0f} s: {last_line(log)}") from None
    raise DemoError(f"The server ended at its start: {last_line(log)}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
