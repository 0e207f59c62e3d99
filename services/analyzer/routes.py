"""One-shot analysis: `POST /analyze-audio` (contracts, section 2)."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from services.analyzer.admission import Admission
from services.analyzer.analyze import AnalysisResult
from services.analyzer.audio_form import AudioForm
from services.analyzer.memory_file import MemoryFile, memory_file
from services.analyzer.one_shot import OneShotAnalyzer
from services.analyzer.rate_limit import RateLimit, rate_limit_key
from services.analyzer.schemas import ANALYSES, ANALYZE_AUDIO, DETAIL, analyzed
from shared.domain.caller import Caller, Permission
from shared.domain.errors import InvalidInput, Permanent, TooSlow
from shared.http.body import BodyLimits
from shared.http.responses import json_response

WorkT = TypeVar("WorkT")


async def while_connected(request: Request, work: Coroutine[Any, Any, WorkT]) -> WorkT:
    """Return what `work` does, or cancel it and raise ClientDisconnect when the client hangs up first.

    The request's body must have been read to its end: what comes after that is the hang-up alone.
    """
    working = asyncio.create_task(work)
    listening = asyncio.create_task(_hung_up(request))
    try:
        await asyncio.wait((working, listening), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        working.cancel()
        listening.cancel()
        await asyncio.gather(working, listening, return_exceptions=True)


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisLimits:
    """What one request may bring and take: the file's limits, its extensions, and `seconds` for all of it."""

    file: BodyLimits
    extensions: Sequence[str]
    seconds: float


def analysis_routes(
    one_shot: Callable[[], OneShotAnalyzer], limits: AnalysisLimits, rate: RateLimit, admission: Admission
) -> list[BaseRoute]:
    """Return the route; the use case exists only while the service's lifespan runs, hence the callable."""

    async def analyze_audio(request: Request, caller: Caller) -> Response:
        rate.take(rate_limit_key(caller, request.client.host if request.client else None))
        detail = _wants_detail(request)
        form = AudioForm(request, limits.file, limits.extensions)
        with admission.reserve(), memory_file() as file:
            analysis = await in_time(request, form, file)
        return json_response(analyzed(analysis, detail=detail))

    async def in_time(request: Request, form: AudioForm, file: MemoryFile) -> AnalysisResult:
        """Read and analyze within the limit; late bytes are the sender's fault, a late score is ours."""
        end = asyncio.get_running_loop().time() + limits.seconds
        try:
            async with asyncio.timeout_at(end):
                await form.read_into(file)
        except TimeoutError as exc:
            raise TooSlow(f"The file did not arrive within {limits.seconds:g} s: send it again.") from exc
        try:
            async with asyncio.timeout_at(end):
                return await while_connected(request, in_turn(file))
        except TimeoutError as exc:
            message = f"The analysis was not done within {limits.seconds:g} s: send a shorter recording."
            raise Permanent(message, code="analysis_timeout") from exc

    async def in_turn(file: MemoryFile) -> AnalysisResult:
        async with admission.slot():
            return await one_shot().analyze(file)

    return [
        ANALYSES.route(
            "POST", "/analyze-audio", analyze_audio, required_permission=Permission.AUDIO_WRITE, operation=ANALYZE_AUDIO
        )
    ]


def _wants_detail(request: Request) -> bool:
    wanted = request.query_params.get(DETAIL, "false").lower()
    if wanted not in {"true", "1", "false", "0"}:
        raise InvalidInput(f"{DETAIL!r} is true or false.", code="bad_detail")
    return wanted in {"true", "1"}
