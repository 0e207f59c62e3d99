"""Scans the spool periodically and shows each session directory to all visitors (outbox, reaper), in 5 ms slices."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from typing import Protocol

import structlog

from shared.process.tasks import run_blocking
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool

log = structlog.stdlib.get_logger(__name__)

_EVERY_SECONDS = 30.0
_SLICE_SECONDS = 0.005
_PAUSE_FACTOR = 9  # a pause is this many times its slice: a tenth of one processor at most, whatever the session count
_MAX_PAUSE_SECONDS = 2.0


class SpoolVisitor(Protocol):
    """Inspects every session directory, and acts between slices on what it found."""

    def inspect(self, directory: SessionDirectory, names: frozenset[str]) -> None:
        """Inspect one session and the names of its files; runs in a thread, blocks, and raises OSError."""

    async def flush(self) -> None:
        """Act on what was found so far; runs on the event loop."""


class SpoolScanner:
    """Scans the spool every 30 s; each directory is listed once a scan, however many visitors there are.

    Measured with 10,000 open sessions: see docs/adr/0011.
    """

    def __init__(
        self, spool: Spool, executor: Executor, visitors: Sequence[SpoolVisitor], *, every: float = _EVERY_SECONDS
    ) -> None:
        self._spool = spool
        self._executor = executor
        self._visitors = visitors
        self._every = every
        self._soon = asyncio.Event()

    def scan_soon(self) -> None:
        """Scan again right after this scan: the bus is back, so what failed may work now."""
        self._soon.set()

    async def run(self) -> None:
        """Scan now, then every 30 s and after each `scan_soon`, until cancelled."""
        while True:
            self._soon.clear()
            try:
                await self.scan()
            except OSError:
                log.exception("the spool can't be read; scanning again soon")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._soon.wait()

    async def scan(self) -> None:
        """Show all sessions to the visitors once; raises OSError where the spool itself can't be read."""
        sessions = self._spool.sessions()
        more = True
        while more:
            started = time.monotonic()
            more = await run_blocking(self._executor, self._inspect_slice, sessions)
            taken = time.monotonic() - started
            for visitor in self._visitors:
                await visitor.flush()
            await asyncio.sleep(min(_MAX_PAUSE_SECONDS, taken * _PAUSE_FACTOR) if more else 0)

    def _inspect_slice(self, sessions: Iterator[SessionDirectory]) -> bool:
        """Inspect sessions for one slice of 5 ms; returns whether there are more."""
        until = time.monotonic() + _SLICE_SECONDS
        for directory in sessions:
            self._inspect(directory)
            if time.monotonic() > until:
                return True
        return False

    def _inspect(self, directory: SessionDirectory) -> None:
        """Show one session to all visitors; a faulty directory is logged and skipped."""
        try:
            names = directory.file_names()
            for visitor in self._visitors:
                visitor.inspect(directory, names)
        except FileNotFoundError:
            return
        except OSError:
            log.exception("a session can't be inspected", session=directory.key.session)
