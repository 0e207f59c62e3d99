"""Four services behind one port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deploy.local.app import OneMachine
from shared.auth.authenticator import AnonymousAuthenticator
from shared.observability.metrics import Metrics
from shared.runtime.service import Service, create_service_app


def _service(name: str, routes: list[Route], *, diary: list[str], reason: str | None = None) -> Service:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        diary.append(f"open {name}")
        yield
        diary.append(f"close {name}")

    async def check() -> str | None:
        return reason

    return create_service_app(
        name,
        routes=routes,
        lifespan=lifespan,
        checks=[check],
        metrics=Metrics(),
        authenticator=AnonymousAuthenticator(),
    )


def _says(text: str) -> Route:
    async def answer(_request: Request) -> Response:
        return PlainTextResponse(text)

    return Route("/thing/{id}", answer, methods=["POST" if text == "first" else "GET"])


def _client(app: OneMachine) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://one.machine")


async def test_a_path_that_two_services_share_goes_to_the_one_with_the_method() -> None:
    diary: list[str] = []
    app = OneMachine(
        [_service("a", [_says("first")], diary=diary), _service("b", [_says("second")], diary=diary)], Metrics()
    )
    async with _client(app) as client:
        assert (await client.post("/thing/1")).text == "first"
        assert (await client.get("/thing/1")).text == "second"
        assert (await client.put("/thing/1")).status_code == 405
        assert (await client.get("/other")).status_code == 404


async def test_a_wrong_method_is_told_every_right_one_of_the_path() -> None:
    routes = [Route("/thing/{id}", lambda _request: Response(), methods=[method]) for method in ("GET", "DELETE")]
    app = OneMachine([_service("a", routes, diary=[])], Metrics())
    async with _client(app) as client:
        answer = await client.put("/thing/1")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, HEAD")


async def test_readiness_names_the_service_that_is_not_ready() -> None:
    app = OneMachine([_service("a", [], diary=[]), _service("b", [], diary=[], reason="no disk")], Metrics())
    async with _client(app) as client:
        answer = await client.get("/readyz")
        assert (await client.get("/livez")).status_code == 200
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["b: no disk"])


async def test_services_open_from_the_end_of_the_road_and_close_from_its_beginning() -> None:
    diary: list[str] = []
    app = OneMachine([_service(name, [], diary=diary) for name in ("ingest", "notifier")], Metrics())
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> dict[str, str]:
        return next(messages)

    async def send(message: object) -> None:
        assert "failed" not in str(message)

    await app({"type": "lifespan", "state": {}}, receive, send)
    assert diary == ["open notifier", "open ingest", "close ingest", "close notifier"]
