"""Raw chunk sessions: `POST /upload_chunk/{session_id}` and `POST /finalize/{session_id}` (contracts, section 1)."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.ingest.chunk_request import BodyLimits, ChunkRequest
from services.ingest.finalize import Finalizer
from services.ingest.receive import ChunkReceiver
from services.ingest.session_errors import answering_errors, render_error
from shared.codec import Envelope
from shared.errors import Permanent
from shared.events import AudioFailed, AudioReady
from shared.http.paths import ANYTHING
from shared.identifiers import DEFAULT_TENANT, identifier
from shared.subjects import SessionKey


def chunk_routes(
    receiver: Callable[[], ChunkReceiver], finalizer: Callable[[], Finalizer], limits: BodyLimits
) -> list[Route]:
    """Return the two routes; the use cases exist only while the service's lifespan runs, hence the callables."""

    @answering_errors
    async def upload_chunk(request: Request) -> Response:
        key = session_key(request)
        chunk = await receiver().receive(key, ChunkRequest(request, limits))
        return JSONResponse(
            {
                "status": "success",
                "session_id": key.session,
                "chunk_size": chunk.size,
                "total_chunks": chunk.total_chunks,
                "chunk_index": chunk.index,
            }
        )

    @answering_errors
    async def finalize(request: Request) -> Response:
        key = session_key(request)
        ended = await finalizer().finalize(key, wait=not _respond_async(request))
        return _processing(key) if ended is None else _ended(request, key, ended)

    return [
        Route(f"/upload_chunk/{{session_id:{ANYTHING}}}", upload_chunk, methods=["POST"]),
        Route(f"/finalize/{{session_id:{ANYTHING}}}", finalize, methods=["POST"]),
    ]


def session_key(request: Request) -> SessionKey:
    """Read whose session a request is about; raises InvalidInput before anything is touched."""
    return SessionKey(DEFAULT_TENANT, identifier(request.path_params["session_id"], "session_id"))


def _respond_async(request: Request) -> bool:
    """RFC 7240, section 4.1."""
    preferences = ",".join(request.headers.getlist("prefer")).split(",")
    return any(preference.partition(";")[0].strip().lower() == "respond-async" for preference in preferences)


def _processing(key: SessionKey) -> Response:
    status_url = f"/sessions/{key.session}"
    body = {"status": "processing", "session_id": key.session, "status_url": status_url}
    return JSONResponse(body, status_code=202, headers={"Location": status_url, "Retry-After": "2"})


def _ended(request: Request, key: SessionKey, ended: Envelope) -> Response:
    match ended.event:
        case AudioReady() as audio:
            return JSONResponse(
                {
                    "status": "success",
                    "session_id": key.session,
                    "url": audio.url,
                    "filename": audio.filename,
                    "size_bytes": audio.size_bytes,
                    "sha256": audio.sha256,
                    "duration_seconds": audio.duration_seconds,
                    "warnings": audio.warnings,
                }
            )
        case AudioFailed() as failed:
            return render_error(request, Permanent(failed.reason, code=failed.code))
        case other:
            raise TypeError(f"a session does not end with {other.NAME}")
