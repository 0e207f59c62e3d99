"""Sessions of any API group: `/sessions/{session_id}` and what is below it (docs/contracts.md, section 0)."""

import asyncio
from typing import TypedDict

from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response

from services.ingest.api.session_resource import SESSION_ID, SESSIONS, session_key
from services.ingest.playback.object_playback import Playback
from services.ingest.sessions.deletion import Receipt, SessionDeleter
from services.ingest.sessions.listening import LISTEN, LISTEN_ORIGINAL, playable_audio, playable_original_of
from services.ingest.sessions.peaks import READ_PEAKS, PeakReader, Peaks, samples_per_pixel
from services.ingest.sessions.result_reader import ResultReader
from services.ingest.sessions.result_responses import analysis_response, is_cached, not_modified, transcript_response
from services.ingest.sessions.result_schema import READ_ANALYSIS, READ_TRANSCRIPT
from services.ingest.sessions.status import StatusReader
from services.ingest.sessions.status_schema import SessionStatus
from services.ingest.sessions.transcript_format import TranscriptFormat, requested_format
from shared.domain.caller import Caller, Permission
from shared.domain.errors import ErrorKind
from shared.http.operation import Operation, ResponseSpec
from shared.http.paths import ANY_TEXT
from shared.http.responses import JSON, json_response, type_adapter


class _SessionId(StringConvertor):
    """Matches any text, except what names a resource below a session: that has methods of its own."""

    regex = r"(?![\s\S]*/(?:transcript|analysis|audio|original|peaks)$)[\s\S]*"


_SESSION_ID = "session_id"
register_url_convertor(_SESSION_ID, _SessionId())
_PATH = f"/sessions/{{session_id:{_SESSION_ID}}}"
_BELOW = f"/sessions/{{session_id:{ANY_TEXT}}}"
_NO_STORE = {"Cache-Control": "no-store"}

_STATUS = Operation(
    summary="Tell what is known of a session",
    description="Of any family; parts that are not there yet are null.",
    parameters=[SESSION_ID],
    responses={200: ResponseSpec(description="The session as it stands.", model=SessionStatus)},
    errors=[ErrorKind.INVALID, ErrorKind.NOT_FOUND, ErrorKind.UNAVAILABLE],
)

_DELETE = Operation(
    summary="Erase a session and everything of it",
    description="From the spool, the bucket, the catalog and the stream. Afterwards it is not found anywhere.",
    parameters=[SESSION_ID],
    responses={200: ResponseSpec(description="All of it was erased, and looked for again in vain.", model=Receipt)},
    errors=[ErrorKind.INVALID, ErrorKind.NOT_FOUND, ErrorKind.UNAVAILABLE, ErrorKind.OUT_OF_SPACE],
)


class SessionsState(TypedDict):
    """What the handlers use of the lifespan state."""

    status_reader: StatusReader
    result_reader: ResultReader
    session_deleter: SessionDeleter
    playback: Playback
    peak_reader: PeakReader


async def read_status(request: Request[SessionsState], caller: Caller) -> Response:
    """Return what is known of a session of any API group."""
    status = await request.state["status_reader"].read(session_key(request, caller), caller)
    return json_response(status, headers=_NO_STORE)


async def read_transcript(request: Request[SessionsState], caller: Caller) -> Response:
    """Return what was said in a session, in the format that the request asks for."""
    wanted = requested_format(request.query_params, request.headers)
    key, reader = session_key(request, caller), request.state["result_reader"]
    outcome = await reader.find_transcript(key, caller)
    if outcome.result is not None and (unchanged := not_modified(request.headers, outcome.result.sha256, wanted)):
        return unchanged
    result = await reader.read(key, outcome)
    unchanged = not_modified(request.headers, result.validator, wanted)
    return unchanged or await transcript_response(key.session, result, wanted)


async def read_analysis(request: Request[SessionsState], caller: Caller) -> Response:
    """Return how heated the conversation of a session was, and why."""
    key, reader = session_key(request, caller), request.state["result_reader"]
    outcome = await reader.find_analysis(key, caller)
    json = TranscriptFormat.JSON
    if outcome.result is not None and (unchanged := not_modified(request.headers, outcome.result.sha256, json)):
        return unchanged
    result = await reader.read(key, outcome)
    return not_modified(request.headers, result.validator, json) or await analysis_response(key.session, result)


async def delete_session(request: Request[SessionsState], caller: Caller) -> Response:
    """Delete a session and everything of it, and return the receipt."""
    receipt = await request.state["session_deleter"].delete(session_key(request, caller), caller)
    return json_response(receipt, headers=_NO_STORE)


async def listen(request: Request[SessionsState], caller: Caller) -> Response:
    """Stream the WAV of a session, or a range of it."""
    found = await request.state["status_reader"].find(session_key(request, caller), caller)
    return await request.state["playback"].respond(request.method, playable_audio(found), request.headers)


async def listen_to_original(request: Request[SessionsState], caller: Caller) -> Response:
    """Stream the original of a session, or a range of it."""
    found = await request.state["status_reader"].find(session_key(request, caller), caller)
    return await request.state["playback"].respond(request.method, playable_original_of(found), request.headers)


async def draw(request: Request[SessionsState], caller: Caller) -> Response:
    """Return the peaks of a session's WAV."""
    pixel = samples_per_pixel(request.query_params)
    found = await request.state["status_reader"].find(session_key(request, caller), caller)
    wav = playable_audio(found)
    headers = {"ETag": f'W/"{wav.sha256}.{pixel}"', "Cache-Control": "private, no-cache"}
    if is_cached(request.headers, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    peaks = await request.state["peak_reader"].read(wav, pixel)
    body = await asyncio.to_thread(type_adapter(Peaks).dump_json, peaks)
    return Response(body, media_type=JSON, headers=headers)


_READ = Permission.AUDIO_READ

ROUTES = [
    SESSIONS.route(
        "GET", f"{_BELOW}/transcript", read_transcript, required_permission=_READ, operation=READ_TRANSCRIPT
    ),
    SESSIONS.route("GET", f"{_BELOW}/analysis", read_analysis, required_permission=_READ, operation=READ_ANALYSIS),
    SESSIONS.route("GET", f"{_BELOW}/audio", listen, required_permission=_READ, operation=LISTEN),
    SESSIONS.route(
        "GET", f"{_BELOW}/original", listen_to_original, required_permission=_READ, operation=LISTEN_ORIGINAL
    ),
    SESSIONS.route("GET", f"{_BELOW}/peaks", draw, required_permission=_READ, operation=READ_PEAKS),
    SESSIONS.route("GET", _PATH, read_status, required_permission=_READ, operation=_STATUS),
    SESSIONS.route("DELETE", _PATH, delete_session, required_permission=Permission.AUDIO_WRITE, operation=_DELETE),
]
