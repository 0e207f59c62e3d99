"""Call recordings of a lead: `/api/leads/{lead_id}/recordings` (docs/contracts.md, section 4)."""

import re

from starlette.requests import Request
from starlette.responses import Response

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
from services.ingest.call_recordings.state import CallRecordingsState
from services.ingest.call_recordings.stored_recordings import StoredCall
from services.ingest.call_recordings.upload_handler import upload_recording
from services.ingest.call_recordings.uploads import LeadRef
from services.ingest.playback.object_playback import playable_original
from shared.domain.caller import Caller, Permission
from shared.domain.errors import InvalidInput
from shared.domain.events import AnalysisCompleted, AudioReady
from shared.domain.object_keys import path_within_tenant
from shared.http.paths import ANY_TEXT
from shared.http.responses import json_response

_PATH = f"/api/leads/{{lead_id:{ANY_TEXT}}}/recordings"
_DEFAULT_LIMIT = 50
_LIMIT = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)


async def upload(request: Request[CallRecordingsState], caller: Caller) -> Response:
    """Take a recording, or one step of an upload in chunks."""
    return await upload_recording(request, _lead(request, caller))


async def play(request: Request[CallRecordingsState], caller: Caller) -> Response:
    """Stream the newest recording of a call, or a range of it."""
    lead = _lead(request, caller)
    call = await request.state["stored_recordings"].newest(lead, recording_id(request))
    playback = request.state["playback"]
    return await playback.respond(request.method, playable_original(call.original, call.stored_at), request.headers)


async def list_recordings(request: Request[CallRecordingsState], caller: Caller) -> Response:
    """List the newest recording of each call, newest first."""
    lead = _lead(request, caller)
    page = await request.state["stored_recordings"].page(lead, _limit(request), request.query_params.get("cursor"))
    listed = RecordingList(data=[_listed(lead, call) for call in page.calls], next_cursor=page.cursor)
    return json_response(listed, headers={"Cache-Control": "no-store"})


_READ, _WRITE = Permission.AUDIO_READ, Permission.AUDIO_WRITE

ROUTES = [
    RECORDINGS.route("POST", _PATH, upload, required_permission=_WRITE, operation=UPLOAD_RECORDING),
    RECORDINGS.route("GET", _PATH, list_recordings, required_permission=_READ, operation=LIST_RECORDINGS),
    RECORDINGS.route(
        "GET", f"{_PATH}/{{recording_id:{ANY_TEXT}}}", play, required_permission=_READ, operation=PLAY_RECORDING
    ),
]


def _lead(request: Request[CallRecordingsState], caller: Caller) -> LeadRef:
    """Return the lead in a request's path; raises InvalidInput and NotAllowed before any body is read."""
    lead = lead_id(request)
    caller.require_lead(lead)
    return LeadRef(caller.tenant, lead)


def _limit(request: Request[CallRecordingsState]) -> int:
    text = request.query_params.get("limit", str(_DEFAULT_LIMIT))
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
