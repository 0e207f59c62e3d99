"""One-shot analysis: `POST /analyze-audio` (docs/contracts.md, section 2)."""

from starlette.requests import Request
from starlette.responses import Response

from services.analyzer.audio_form import AudioForm
from services.analyzer.one_shot_request import OneShotState, received_file
from services.analyzer.schemas import ANALYSES, ANALYZE_AUDIO, DETAIL, analyzed
from shared.domain.caller import Caller, Permission
from shared.domain.errors import InvalidInput
from shared.http.responses import json_response


async def analyze_audio(request: Request[OneShotState], caller: Caller) -> Response:
    """Transcribe and score one file; nothing of it is kept."""
    limits = request.state["one_shot_limits"]
    detail, form = _wants_detail(request), AudioForm(request, limits.file, limits.extensions)
    async with received_file(request, caller, form) as received:
        result = await received.run(request.state["analyzer"].analyze)
    return json_response(analyzed(result, detail=detail))


ROUTES = [
    ANALYSES.route(
        "POST",
        "/analyze-audio",
        analyze_audio,
        required_permission=Permission.AUDIO_WRITE,
        operation=ANALYZE_AUDIO,
    )
]


def _wants_detail(request: Request[OneShotState]) -> bool:
    wanted = request.query_params.get(DETAIL, "false").lower()
    if wanted not in {"true", "1", "false", "0"}:
        raise InvalidInput(f"{DETAIL!r} is true or false.", code="bad_detail")
    return wanted in {"true", "1"}
