"""Group commit: chunks that arrive together share one fsync of their directory."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

from shared.durable import sync_directory


class DirectorySync:
    """Makes names durable; whoever asks while a sync runs shares the next one, which starts when it ends."""

    def __init__(self, executor: Executor, sync: Callable[[Path], None] = sync_directory) -> None:
        self._executor = executor
        self._sync = sync
        self._running: dict[Path, asyncio.Future[None]] = {}
        self._next: dict[Path, asyncio.Future[None]] = {}

    async def sync(self, directory: Path) -> None:
        """Return once every name given in `directory` before this call is durable; raises OSError if not."""
        running = self._running.get(directory)
        if running is None:
            await asyncio.shield(self._start(directory))
            return
        following = self._next.get(directory)
        if following is None:
            following = asyncio.ensure_future(self._after(running, directory))
            self._next[directory] = following
        await asyncio.shield(following)

    def _start(self, directory: Path) -> asyncio.Future[None]:
        started = asyncio.get_running_loop().run_in_executor(self._executor, self._sync, directory)
        self._running[directory] = started
        started.add_done_callback(lambda done: self._forget(directory, done))
        return started

    async def _after(self, running: asyncio.Future[None], directory: Path) -> None:
        await asyncio.wait([running])
        self._next.pop(directory, None)
        await self._start(directory)

    def _forget(self, directory: Path, done: asyncio.Future[None]) -> None:
        if self._running.get(directory) is done:
            del self._running[directory]
