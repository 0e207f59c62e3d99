"""A main service for tests: a real HTTP server that checks each signature with the published library."""

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
    """What it was told, in order; `answers` says how it answers the next ones, 204 once they are used up.

    An answer is a status, a function that makes a response, or None to hang until the caller gives up.
    """

    url: str = ""
    told: list[dict[str, object]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    answers: list[int | Callable[[], Response] | None] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    most_at_once: int = 0
    _at_once: int = 0

    def settings(self, **more: object) -> dict[str, object]:
        """Settings with which ingest tells this service, impatiently."""
        return {
            "main_service_callback_url": self.url,
            "webhook_secret": SECRET,
            "callback_first_retry_seconds": 0.05,
            **more,
        }

    async def hear(self, request: Request) -> Response:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await self._answer(request)
        finally:
            self._at_once -= 1

    async def _answer(self, request: Request) -> Response:
        body = await request.body()
        Webhook(SECRET).verify(body, dict(request.headers))
        assert request.headers["content-type"] == "application/json"
        self.told.append(json.loads(body))
        self.ids.append(request.headers["webhook-id"])
        match self.answers.pop(0) if self.answers else 204:
            case None:
                while (await request.receive())["type"] != "http.disconnect":
                    pass
                return Response(status_code=503)
            case int() as status:
                return Response(status_code=status)
            case make:
                return make()

    async def stranger(self, request: Request) -> Response:
        self.strangers.append(request.url.path)
        return Response(status_code=200)


@asynccontextmanager
async def main_service() -> AsyncIterator[MainService]:
    """Run one on a free port."""
    service = MainService()
    routes = [
        Route("/hooks/stored", service.hear, methods=["POST"]),
        Route("/{rest:path}", service.stranger, methods=["GET", "POST"]),
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
