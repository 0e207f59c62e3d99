"""One-shot analysis: `POST /analyze-audio` (docs/contracts.md, section 2)."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

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


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisLimits:
    """The limits of one request: of the file's body, its name's extensions, and `seconds` for upload and analysis."""

    file: BodyLimits
    extensions: Sequence[str]
    seconds: float


class AnalysisState(TypedDict):
    """What the handler uses of the lifespan state."""

    analyzer: OneShotAnalyzer
    analysis_limits: AnalysisLimits
    rate_limit: RateLimit
    admission: Admission


async def analyze_audio(request: Request[AnalysisState], caller: Caller) -> Response:
    """Transcribe and score one file; nothing of it is kept."""
    state = request.state
    state["rate_limit"].take(rate_limit_key(caller, request.client.host if request.client else None))
    detail = _wants_detail(request)
    form = AudioForm(request, state["analysis_limits"].file, state["analysis_limits"].extensions)
    with state["admission"].reserve(), memory_file() as file:
        result = await _analyze_in_time(request, form, file)
    return json_response(analyzed(result, detail=detail))


async def _analyze_in_time(request: Request[AnalysisState], form: AudioForm, file: MemoryFile) -> AnalysisResult:
    """Read and analyze within the limit; a late body is the client's error, a late score the server's."""
    seconds = request.state["analysis_limits"].seconds
    end = asyncio.get_running_loop().time() + seconds
    try:
        async with asyncio.timeout_at(end):
            await form.read_into(file)
    except TimeoutError as exc:
        raise TooSlow(f"The file did not arrive within {seconds:g} s: send it again.") from exc
    try:
        async with asyncio.timeout_at(end):
            return await while_connected(request, _analyze_in_slot(request.state, file))
    except TimeoutError as exc:
        message = f"The analysis was not done within {seconds:g} s: send a shorter recording."
        raise Permanent(message, code="analysis_timeout") from exc


async def _analyze_in_slot(state: AnalysisState, file: MemoryFile) -> AnalysisResult:
    async with state["admission"].slot():
        return await state["analyzer"].analyze(file)


ROUTES = [
    ANALYSES.route(
        "POST",
        "/analyze-audio",
        analyze_audio,
        required_permission=Permission.AUDIO_WRITE,
        operation=ANALYZE_AUDIO,
    )
]


def _wants_detail(request: Request[AnalysisState]) -> bool:
    wanted = request.query_params.get(DETAIL, "false").lower()
    if wanted not in {"true", "1", "false", "0"}:
        raise InvalidInput(f"{DETAIL!r} is true or false.", code="bad_detail")
    return wanted in {"true", "1"}
