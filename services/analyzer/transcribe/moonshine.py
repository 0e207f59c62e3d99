"""The local transcriber: Moonshine's tiny English model, which is part of its package's wheel."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from services.analyzer.splitter import AudioPiece
from services.analyzer.transcribe.model_process import ModelProcess, ModelStoppedError
from shared.domain.analysis import TranscriptLine
from shared.domain.errors import Unavailable

log = structlog.stdlib.get_logger(__name__)

_WORKER = Path(__file__).with_name("moonshine_worker.py")
_LOADING_SECONDS = 60.0  # it takes 0.6 when the disk is warm
_SHARE = 1.0  # of a piece's length that the model may take beyond the deadline; it takes 0.06 on two idle cores
_TRIES = 2  # one retry, for a model that was killed for its memory or by hand


@dataclass(frozen=True, slots=True)
class _Response:
    """A response of `moonshine_worker`: lines of start, end and text, or the type of an error."""

    lines: tuple[tuple[float, float, str], ...] = ()
    error: str | None = None


_RESPONSES = TypeAdapter(_Response)


class MoonshineTranscriber:
    """Transcribes one piece at a time in a child process.

    The child is started for the first piece, not with the service: loading takes 0.6 s and 200 MB that an idle
    service need not have, and a restart after a crash is then the same step as the first start. It is killed whenever
    a request does not complete: a crash, a deadline, a cancelled job.
    """

    name = "moonshine-tiny-en"
    longest_piece_seconds = 28.0  # the model's memory grows with it: 270 MB at 28 s, 330 MB at 44 s

    def __init__(self, *, deadline: float) -> None:
        self._deadline = deadline
        self._lock = asyncio.Lock()
        self._process: ModelProcess | None = None

    @property
    def process_id(self) -> int | None:
        """The child's process id while there is one."""
        return None if self._process is None else self._process.id

    async def transcribe(self, piece: AudioPiece) -> Sequence[TranscriptLine]:
        """Return the piece's sentences; raises Unavailable if the model crashes twice in a row, fails or is slow."""
        async with self._lock:
            for _ in range(_TRIES):
                try:
                    return _lines(await self._request(piece))
                except ModelStoppedError as exc:
                    log.warning("the speech model stopped", error=str(exc))
        raise Unavailable("The speech model stopped unexpectedly.", code="model_stopped")

    async def close(self) -> None:
        """Kill the child, also in the middle of a piece."""
        process, self._process = self._process, None
        if process is not None:
            await process.kill()

    async def _request(self, piece: AudioPiece) -> bytes:
        try:
            process = self._process or await self._start()
            async with asyncio.timeout(self._deadline + _SHARE * piece.seconds):
                return await process.request(piece.pcm)
        except TimeoutError as exc:
            await self.close()
            raise Unavailable("The speech model took too long.", code="model_timeout") from exc
        except BaseException:
            await self.close()
            raise

    async def _start(self) -> ModelProcess:
        async with asyncio.timeout(_LOADING_SECONDS):
            self._process = await ModelProcess.start([str(_WORKER)])
            await self._process.read_response()  # `{}`: the model is loaded
        return self._process


def _lines(content: bytes) -> list[TranscriptLine]:
    try:
        response = _RESPONSES.validate_json(content)
    except ValidationError as exc:
        raise Unavailable("The speech model's answer can't be read.", code="model_failed") from exc
    if response.error is not None:
        log.warning("the speech model failed", error=response.error)
        raise Unavailable("The speech model failed on this recording.", code="model_failed")
    return [TranscriptLine(start=start, end=end, text=text) for start, end, text in response.lines]


@asynccontextmanager
async def open_moonshine(*, deadline: float) -> AsyncIterator[MoonshineTranscriber]:
    """Open the local transcriber; a piece may take `deadline` seconds more than its own length."""
    transcriber = MoonshineTranscriber(deadline=deadline)
    try:
        yield transcriber
    finally:
        await transcriber.close()
