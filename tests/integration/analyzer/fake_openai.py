"""A fake of OpenAI's HTTP API, which sends scripted responses and failures."""

import asyncio
import gzip
import json
import socket
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

KEY = "sk-test-0123456789"
PROVIDER_TEXT = f"Incorrect API key provided: {KEY}."
NO_GRADES: dict[str, object] = {
    "evidence": [],
    "hostility": 0,
    "raised_stakes": 0,
    "interruption": 0,
    "unresolved_disagreement": 0,
    "deescalation": 0,
}
"""A judge's answer that finds nothing."""


class Manner(Enum):
    """How a response is sent."""

    WHOLE = auto()
    NEVER = auto()
    DRIPPING = auto()
    CUT = auto()


@dataclass(frozen=True, slots=True)
class Reply:
    """One response: JSON or raw text or bytes, and headers."""

    body: object
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    manner: Manner = Manner.WHOLE

    @property
    def content(self) -> bytes:
        match self.body:
            case bytes():
                return self.body
            case str():
                return self.body.encode()
            case _:
                return json.dumps(self.body).encode()


def failure(status: int) -> Reply:
    """Return an error in OpenAI's form, with a Retry-After of 1 ms so that tests need not wait."""
    body = {"error": {"message": PROVIDER_TEXT, "type": "error", "code": "some_code", "param": None}}
    return Reply(body, status, {"retry-after-ms": "1"})


def judged(content: str | None, *, refusal: str | None = None, finish: str = "stop", tokens: int = 0) -> Reply:
    """Return a chat completion whose message is `content`."""
    message = {"role": "assistant", "content": content, "refusal": refusal}
    choice = {"index": 0, "finish_reason": finish, "message": message}
    usage = {"usage": {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}} if tokens else {}
    return Reply({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]} | usage)


def redirect(to: str) -> Reply:
    """Return a redirect that keeps method and body."""
    return Reply("", 307, {"location": to})


def gzip_bomb(megabytes: int) -> Reply:
    """Return a small compressed response that unpacks to spaces."""
    return Reply(gzip.compress(b" " * megabytes * 1024 * 1024), 200, {"content-encoding": "gzip"})


HANG = Reply("", manner=Manner.NEVER)
DRIP = Reply("", manner=Manner.DRIPPING)
CUT = Reply('{"choices": [{"mess', manner=Manner.CUT)


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as it was received; `deadline` is the timeout in seconds that the SDK names in a header."""

    path: str
    authorization: str
    deadline: float
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

    def reset(self) -> None:
        """Forget replies and requests, and end what hangs."""
        self._closing.set()
        self._closing = asyncio.Event()
        self.replies.clear()
        self.requests.clear()

    async def respond(self, request: Request) -> "_Sending":
        deadline = float(request.headers["x-stainless-read-timeout"])
        authorization = request.headers["authorization"]
        self.requests.append(RecordedRequest(request.url.path, authorization, deadline, await request.body()))
        reply = self.replies.popleft() if len(self.replies) > 1 else self.replies[0]
        return _Sending(reply, self._closing)

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


class _Sending(Response):
    """Sends a reply in its manner; a dripping one sends a space now and then, until the server closes."""

    def __init__(self, reply: Reply, closing: asyncio.Event) -> None:
        super().__init__(reply.content, reply.status, {"content-type": "application/json"} | reply.headers)
        self._manner = reply.manner
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match self._manner:
            case Manner.WHOLE:
                await super().__call__(scope, receive, send)
            case Manner.NEVER:
                await self._closing.wait()
            case Manner.DRIPPING:
                await self._start(send, size=10_000)
                while not self._closing.is_set():
                    await send({"type": "http.response.body", "body": b" ", "more_body": True})
                    await asyncio.wait([asyncio.ensure_future(receive())], timeout=0.02)
            case Manner.CUT:
                await self._start(send, size=10_000)
                await send({"type": "http.response.body", "body": self.body, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _start(self, send: Send, *, size: int) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", str(size).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
