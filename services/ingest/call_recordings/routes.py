"""Call recordings of a lead: `/api/leads/{lead_id}/recordings` (contracts, section 4)."""

import re
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from services.ingest.call_recordings.cases import RecordingCases
from services.ingest.call_recordings.errors import RECORDINGS
from services.ingest.call_recordings.ids import lead_id, recording_id
from services.ingest.call_recordings.schemas import (
    LIST_RECORDINGS,
    MAX_LISTED,
    PLAY_RECORDING,
    UPLOAD_RECORDING,
    ListedRecording,
    RecordingList,
)
from services.ingest.call_recordings.stored_recordings import StoredCall
from services.ingest.call_recordings.uploads import LeadRef
from shared.domain.caller import Caller, Permission
from shared.domain.errors import InvalidInput
from shared.domain.events import AnalysisCompleted, AudioReady
from shared.domain.object_keys import path_within_tenant
from shared.http.paths import ANY_TEXT
from shared.http.responses import json_response

_PATH = f"/api/leads/{{lead_id:{ANY_TEXT}}}/recordings"
_LISTED = 50
_LIMIT = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)


def recording_routes(cases: Callable[[], RecordingCases]) -> list[BaseRoute]:
    """Return the routes; the use cases exist only while the service's lifespan runs, hence the callable."""

    async def upload(request: Request, caller: Caller) -> Response:
        return await cases().posts.handle(request, _lead(request, caller))

    async def play(request: Request, caller: Caller) -> Response:
        lead = _lead(request, caller)
        call = await cases().stored.newest(lead, recording_id(request))
        play = cases().playback.head if request.method == "HEAD" else cases().playback.play
        return await play(call, request.headers)

    async def listing(request: Request, caller: Caller) -> Response:
        lead = _lead(request, caller)
        page = await cases().stored.page(lead, _limit(request), request.query_params.get("cursor"))
        listed = RecordingList(data=[_listed(lead, call) for call in page.calls], next_cursor=page.cursor)
        return json_response(listed, headers={"Cache-Control": "no-store"})

    write, read = Permission.AUDIO_WRITE, Permission.AUDIO_READ
    return [
        RECORDINGS.route("POST", _PATH, upload, required_permission=write, operation=UPLOAD_RECORDING),
        RECORDINGS.route("GET", _PATH, listing, required_permission=read, operation=LIST_RECORDINGS),
        RECORDINGS.route(
            "GET", f"{_PATH}/{{recording_id:{ANY_TEXT}}}", play, required_permission=read, operation=PLAY_RECORDING
        ),
    ]


def _lead(request: Request, caller: Caller) -> LeadRef:
    """Read whose recordings a request is about; raises InvalidInput and NotAllowed before any body is read."""
    lead = lead_id(request)
    caller.require_lead(lead)
    return LeadRef(caller.tenant, lead)


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(_LISTED))
    if _LIMIT.fullmatch(text) is None or int(text) > MAX_LISTED:
        raise InvalidInput(f"limit must be a whole number from 1 to {MAX_LISTED}.", code="invalid_limit")
    return int(text)


def _listed(lead: LeadRef, call: StoredCall) -> ListedRecording:
    ended, analysis = call.record.ended, call.record.analysis
    return ListedRecording(
        id=call.call_log,
        recording_path=path_within_tenant(lead.tenant, call.original.object_key),
        filename=call.original.filename,
        content_type=call.original.content_type,
        size_bytes=call.original.size_bytes,
        created_at=call.record.created_at,
        duration_seconds=ended.duration_seconds if isinstance(ended, AudioReady) else None,
        session_id=call.record.session,
        temperature=analysis.temperature if isinstance(analysis, AnalysisCompleted) else None,
    )
