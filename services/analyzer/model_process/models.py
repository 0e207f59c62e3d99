"""The local models as the service sees them: two child processes that are started, watched and replaced."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from services.analyzer.model_process.frames import Status
from services.analyzer.model_process.process import ModelProcess, ModelStoppedError
from shared.domain.errors import Permanent, Unavailable

log = structlog.stdlib.get_logger(__name__)

NO_MODEL = "model_missing"
"""The code of the error for a task whose model is not installed, or not as it should be."""

_LOADING_SECONDS = 60.0  # a model takes less than one when the disk is warm
_TRIES = 2  # one retry, for a process that was killed for its memory or by hand


_SPEECH_TASKS = frozenset({"transcribe", "transcribe_with", "speakers"})


class LocalModels:
    """Runs tasks in two child processes: in one those that turn speech into words, in the other one all the rest.

    So a recording's voice is detected, and another's words are rated, while a piece of speech is transcribed; each
    process runs one task at a time, and a crash of one leaves the other as it is.
    """

    def __init__(self, *, deadline: float) -> None:
        self._speech = _Worker(deadline)
        self._others = _Worker(deadline)

    async def run(self, task: str, body: bytes, *, seconds: float = 0.0) -> bytes:
        """Return the task's result for `body`, which may take `seconds` more than the deadline.

        Raises Unavailable if the child crashes twice in a row, fails or is slow, and Permanent (`NO_MODEL`) if the
        task's model can't be loaded.
        """
        worker = self._speech if task in _SPEECH_TASKS else self._others
        return await worker.run(task, body, seconds)

    async def close(self) -> None:
        """Kill both children, also in the middle of a task."""
        await asyncio.gather(self._speech.close(), self._others.close())


class _Worker:
    """Runs one task at a time in a child process.

    The child is started for the first task, not with the service, and loads each model at its first use: seconds and
    memory that an idle service need not have, and a restart after a crash is then the same step as the first start.
    It is killed whenever a task does not complete: a crash, a deadline, a cancelled job.
    """

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._lock = asyncio.Lock()
        self._process: ModelProcess | None = None
        self._loaded: set[str] = set()

    async def run(self, task: str, body: bytes, seconds: float) -> bytes:
        """Return the task's result; raises as `LocalModels.run` does."""
        async with self._lock:
            for _ in range(_TRIES):
                try:
                    return _result(task, *await self._request(task, body, seconds))
                except ModelStoppedError as exc:
                    log.warning("the model's process stopped", task=task, error=str(exc))
        raise Unavailable("The local model stopped unexpectedly.", code="model_stopped")

    async def close(self) -> None:
        """Kill the child, also in the middle of a task."""
        process, self._process = self._process, None
        self._loaded.clear()
        if process is not None:
            await process.kill()

    async def _request(self, task: str, body: bytes, seconds: float) -> tuple[Status, bytes]:
        loading = 0.0 if task in self._loaded else _LOADING_SECONDS
        try:
            async with asyncio.timeout(loading + self._deadline + seconds):
                if self._process is None:
                    self._process = await ModelProcess.start()
                response = await self._process.request(task, body)
        except TimeoutError as exc:
            await self.close()
            raise Unavailable("The local model took too long.", code="model_timeout") from exc
        except BaseException:
            await self.close()
            raise
        self._loaded.add(task)
        return response


def _result(task: str, status: Status, body: bytes) -> bytes:
    match status:
        case Status.OK:
            return body
        case Status.NO_MODEL:
            log.warning("a local model can't be loaded", task=task, error=body.decode(errors="replace"))
            raise Permanent("The local model is not installed as it should be.", code=NO_MODEL)
        case Status.FAILED:
            log.warning("a local model failed", task=task, error=body.decode(errors="replace"))
            raise Unavailable("The local model failed on this recording.", code="model_failed")


@asynccontextmanager
async def open_local_models(*, deadline: float) -> AsyncIterator[LocalModels]:
    """Open the local models; a task may take `deadline` seconds more than its usual time."""
    models = LocalModels(deadline=deadline)
    try:
        yield models
    finally:
        await models.close()
