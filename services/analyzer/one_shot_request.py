"""One-shot requests: a file arrives, is worked on within limits of time, memory and concurrency, and is forgotten."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypedDict, TypeVar

from starlette.requests import ClientDisconnect, Request

from services.analyzer.admission import Admission
from services.analyzer.memory_file import MemoryFile, memory_file
from services.analyzer.one_shot import OneShotAnalyzer
from services.analyzer.rate_limit import RateLimit, rate_limit_key
from shared.domain.caller import Caller
from shared.domain.errors import Permanent, TooSlow
from shared.http.body import BodyLimits

WorkT = TypeVar("WorkT")


@dataclass(frozen=True, slots=True, kw_only=True)
class OneShotLimits:
    """The limits of one request: of the file's body, its name's extensions, and `seconds` for upload and work."""

    file: BodyLimits
    extensions: Sequence[str]
    seconds: float


class OneShotState(TypedDict):
    """What the handlers of one-shot requests use of the lifespan state."""

    analyzer: OneShotAnalyzer
    one_shot_limits: OneShotLimits
    rate_limit: RateLimit
    admission: Admission


class FileForm(Protocol):
    """A form with one file, whose headers are checked already."""

    async def read_into(self, file: MemoryFile) -> None:
        """Append the file's bytes to `file` as they arrive."""


class ReceivedFile:
    """A request's file, complete in memory, with what is left of the request's time."""

    def __init__(self, request: Request[Any], file: MemoryFile, end: float) -> None:
        self._request = request
        self._file = file
        self._end = end

    async def run(self, work: Callable[[MemoryFile], Coroutine[Any, Any, WorkT]]) -> WorkT:
        """Return the result of `work` on the file, done in a slot of its own while the client is connected.

        Raises Permanent at the end of the request's time, Unavailable if no slot comes free, ClientDisconnect.
        """
        async with self.slot():
            return await while_connected(self._request, work(self._file))

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[MemoryFile]:
        """Hold a slot for the length of the block, and yield the file; raises as `run`."""
        seconds = self._request.state["one_shot_limits"].seconds
        try:
            async with asyncio.timeout_at(self._end), self._request.state["admission"].slot():
                yield self._file
        except TimeoutError as exc:
            message = f"The analysis was not done within {seconds:g} s: send a shorter recording."
            raise Permanent(message, code="analysis_timeout") from exc


@asynccontextmanager
async def received_file(request: Request[Any], caller: Caller, form: FileForm) -> AsyncIterator[ReceivedFile]:
    """Count the request, read its form into memory and yield the file; the memory is freed at the end of the block.

    `request` has OneShotState. Raises RateLimited, Unavailable when too many requests are under way, TooSlow for a late
    body, and what the form raises.
    """
    state: OneShotState = request.state
    state["rate_limit"].take(rate_limit_key(caller, request.client.host if request.client else None))
    seconds = state["one_shot_limits"].seconds
    end = asyncio.get_running_loop().time() + seconds
    with state["admission"].reserve(), memory_file() as file:
        try:
            async with asyncio.timeout_at(end):
                await form.read_into(file)
        except TimeoutError as exc:
            raise TooSlow(f"The file did not arrive within {seconds:g} s: send it again.") from exc
        yield ReceivedFile(request, file, end)


async def while_connected(request: Request[Any], work: Coroutine[Any, Any, WorkT]) -> WorkT:
    """Return the result of `work`, or cancel it and raise ClientDisconnect when the client disconnects first.

    The request's body must have been read to its end: the only message after that is the disconnection.
    """
    working = asyncio.create_task(work)
    listening = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait((working, listening), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        working.cancel()
        listening.cancel()
        await asyncio.gather(working, listening, return_exceptions=True)


async def _disconnected(request: Request[Any]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
