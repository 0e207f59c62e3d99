"""A main service for tests: a real HTTP server that checks each signature with the Standard Webhooks library."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

SECRET = "whsec_c2VjcmV0IG9mIHR3ZW50eS1mb3VyIGJ5dGVz"


@dataclass(slots=True)
class MainService:
    """The received callbacks in order; `responses` are for the next ones, 204 once they are used up.

    A response is a status, a function that makes one, or None to hang until the caller gives up.
    """

    url: str = ""
    notices: list[dict[str, object]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    responses: list[int | Callable[[], Response] | None] = field(default_factory=list)
    other_requests: list[str] = field(default_factory=list)
    max_concurrent: int = 0
    _concurrent: int = 0

    def settings(self, **more: object) -> dict[str, object]:
        """Settings of an ingest that sends its callbacks here, with a first retry after 50 ms."""
        return {
            "main_service_callback_url": self.url,
            "webhook_secret": SECRET,
            "callback_first_retry_seconds": 0.05,
            **more,
        }

    async def receive_callback(self, request: Request) -> Response:
        self._concurrent += 1
        self.max_concurrent = max(self.max_concurrent, self._concurrent)
        try:
            return await self._respond(request)
        finally:
            self._concurrent -= 1

    async def _respond(self, request: Request) -> Response:
        body = await request.body()
        Webhook(SECRET).verify(body, dict(request.headers))
        assert request.headers["content-type"] == "application/json"
        self.notices.append(json.loads(body))
        self.ids.append(request.headers["webhook-id"])
        match self.responses.pop(0) if self.responses else 204:
            case None:
                while (await request.receive())["type"] != "http.disconnect":
                    pass
                return Response(status_code=503)
            case int() as status:
                return Response(status_code=status)
            case make:
                return make()

    async def receive_other(self, request: Request) -> Response:
        self.other_requests.append(request.url.path)
        return Response(status_code=200)


@asynccontextmanager
async def main_service() -> AsyncIterator[MainService]:
    """Run a main service on a free port."""
    service = MainService()
    routes = [
        Route("/hooks/stored", service.receive_callback, methods=["POST"]),
        Route("/{rest:path}", service.receive_other, methods=["GET", "POST"]),
    ]
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        Starlette(routes=routes), lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    service.url = f"http://127.0.0.1:{listener.getsockname()[1]}/hooks/stored?key=private"
    try:
        yield service
    finally:
        server.should_exit = True
        await running
        listener.close()
