"""A fake of OpenAI's HTTP API, which sends scripted responses and failures."""

import asyncio
import json
import socket
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

KEY = "sk-test-0123456789"
PROVIDER_TEXT = f"Incorrect API key provided: {KEY}."


@dataclass(frozen=True, slots=True)
class Reply:
    """One response: JSON or raw text, and headers."""

    body: object
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def failure(status: int) -> Reply:
    """Return an error in OpenAI's form, with a Retry-After of 1 ms so that tests need not wait."""
    body = {"error": {"message": PROVIDER_TEXT, "type": "error", "code": "some_code", "param": None}}
    return Reply(body, status, {"retry-after-ms": "1"})


def judged(content: str | None, *, refusal: str | None = None) -> Reply:
    """Return a chat completion whose message is `content`."""
    message = {"role": "assistant", "content": content, "refusal": refusal}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return Reply({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})


HANG = Reply(None)


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as it was received."""

    path: str
    authorization: str
    body: bytes


class FakeOpenAI:
    """Sends its replies in order, the last one again and again."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.requests: list[RecordedRequest] = []
        self.base_url = ""
        self._closing = asyncio.Event()

    def will_reply(self, *replies: Reply) -> None:
        self.replies = deque(replies)

    async def respond(self, request: Request) -> Response:
        self.requests.append(RecordedRequest(request.url.path, request.headers["authorization"], await request.body()))
        reply = self.replies.popleft() if len(self.replies) > 1 else self.replies[0]
        if reply is HANG:
            await self._closing.wait()
        body = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
        return Response(body, reply.status, {"content-type": "application/json"} | reply.headers)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        paths = ("/v1/audio/transcriptions", "/v1/chat/completions")
        app = Starlette(routes=[Route(path, self.respond, methods=["POST"]) for path in paths])
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield
        finally:
            self._closing.set()
            server.should_exit = True
            await running
            listener.close()
