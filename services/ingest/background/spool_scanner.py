"""One walk over all sessions for everyone who looks for something in them, in slices that leave time to others."""

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
_REST = 9  # times what a slice took: a tenth of one processor at most, however many sessions there are
_LONGEST_REST = 2.0


class SpoolVisitor(Protocol):
    """Somebody who looks for something in every session."""

    def inspect(self, directory: SessionDirectory, names: frozenset[str]) -> None:
        """Look at one session and the names of its files, in a thread; blocks, and raises OSError."""

    async def flush(self) -> None:
        """Do something about what was found so far."""


class SpoolScanner:
    """Walks over the spool again and again; each session is listed once a round, whoever looks.

    Measured with 10,000 open sessions: see ADR 11.
    """

    def __init__(
        self, spool: Spool, executor: Executor, visitors: Sequence[SpoolVisitor], *, every: float = _EVERY_SECONDS
    ) -> None:
        self._spool = spool
        self._executor = executor
        self._visitors = visitors
        self._every = every
        self._again = asyncio.Event()

    def scan_soon(self) -> None:
        """Walk again as soon as this round is over: what could not be done may be possible now."""
        self._again.set()

    async def run(self) -> None:
        """Walk now, then every half a minute and whenever there is a reason, until cancelled."""
        while True:
            self._again.clear()
            try:
                await self.scan()
            except OSError:
                log.exception("the spool can't be read; looking again soon")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._again.wait()

    async def scan(self) -> None:
        """Walk over all sessions once; raises OSError where the spool itself can't be read."""
        sessions = self._spool.sessions()
        more = True
        while more:
            started = time.monotonic()
            more = await run_blocking(self._executor, self._inspect_slice, sessions)
            taken = time.monotonic() - started
            for visitor in self._visitors:
                await visitor.flush()
            await asyncio.sleep(min(_LONGEST_REST, taken * _REST) if more else 0)

    def _inspect_slice(self, sessions: Iterator[SessionDirectory]) -> bool:
        """Look at sessions until the time is up; returns whether there are more."""
        until = time.monotonic() + _SLICE_SECONDS
        for directory in sessions:
            self._inspect(directory)
            if time.monotonic() > until:
                return True
        return False

    def _inspect(self, directory: SessionDirectory) -> None:
        """Show one session to all visitors; what is wrong with it costs no other its turn."""
        try:
            names = directory.names()
            for visitor in self._visitors:
                visitor.inspect(directory, names)
        except FileNotFoundError:
            return
        except OSError:
            log.exception("a session can't be looked at", session=directory.key.session)
