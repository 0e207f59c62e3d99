"""Four services behind one port."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deploy.local.app import OneMachine
from shared.auth.authenticator import AnonymousAuthenticator
from shared.observability.metrics import Metrics
from shared.runtime.service import Service, create_service_app


def _service(name: str, routes: list[Route], *, log: list[str], reason: str | None = None) -> Service:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        log.append(f"open {name}")
        yield {"name": name}
        log.append(f"close {name}")

    async def check(state: Mapping[str, Any]) -> str | None:
        return None if reason is None else reason.format(**state)

    return create_service_app(
        name,
        routes=routes,
        lifespan=lifespan,
        checks=[check],
        metrics=Metrics(),
        authenticator=AnonymousAuthenticator(),
    )


def _route(text: str) -> Route:
    async def endpoint(_request: Request) -> Response:
        return PlainTextResponse(text)

    return Route("/thing/{id}", endpoint, methods=["POST" if text == "first" else "GET"])


def _client(app: OneMachine) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://one.machine")


def _route_of_service_name(path: str) -> Route:
    async def endpoint(request: Request[dict[str, str]]) -> Response:
        return PlainTextResponse(request.state["name"])

    return Route(path, endpoint)


@asynccontextmanager
async def _started(app: OneMachine) -> AsyncIterator[None]:
    """Run the lifespan as a server does."""
    to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    from_app: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
    serving = asyncio.create_task(app({"type": "lifespan", "state": {}}, to_app.get, from_app.put))
    try:
        await to_app.put({"type": "lifespan.startup"})
        assert (await from_app.get())["type"] == "lifespan.startup.complete"
        yield
    finally:
        await to_app.put({"type": "lifespan.shutdown"})
        assert (await from_app.get())["type"] == "lifespan.shutdown.complete"
        await serving


async def test_a_path_that_two_services_share_goes_to_the_one_with_the_method() -> None:
    log: list[str] = []
    app = OneMachine([_service("a", [_route("first")], log=log), _service("b", [_route("second")], log=log)], Metrics())
    async with _client(app) as client:
        assert (await client.post("/thing/1")).text == "first"
        assert (await client.get("/thing/1")).text == "second"
        assert (await client.put("/thing/1")).status_code == 405
        assert (await client.get("/other")).status_code == 404


async def test_a_wrong_method_gets_every_allowed_one_of_the_path() -> None:
    routes = [Route("/thing/{id}", lambda _request: Response(), methods=[method]) for method in ("GET", "DELETE")]
    app = OneMachine([_service("a", routes, log=[])], Metrics())
    async with _client(app) as client:
        response = await client.put("/thing/1")
    assert (response.status_code, response.headers["allow"]) == (405, "DELETE, GET, HEAD")


async def test_readiness_names_the_service_that_is_not_ready() -> None:
    app = OneMachine([_service("a", [], log=[]), _service("b", [], log=[], reason="no disk")], Metrics())
    async with _client(app) as client:
        response = await client.get("/readyz")
        assert (await client.get("/livez")).status_code == 200
    assert (response.status_code, response.json()["reasons"]) == (503, ["b: no disk"])


async def test_each_service_sees_its_own_lifespan_state() -> None:
    services = [
        _service(name, [_route_of_service_name(f"/{name}")], log=[], reason="{name} has no disk") for name in ("a", "b")
    ]
    app = OneMachine(services, Metrics())
    async with _started(app), _client(app) as client:
        assert (await client.get("/a")).text == "a"
        assert (await client.get("/b")).text == "b"
        assert (await client.get("/readyz")).json()["reasons"] == ["a: a has no disk", "b: b has no disk"]
        assert await app.reasons() == ["a: a has no disk", "b: b has no disk"]


async def test_the_state_of_one_request_is_not_that_of_the_next() -> None:
    async def endpoint(request: Request[dict[str, str]]) -> Response:
        name = request.state["name"]
        request.state["name"] = "changed"
        return PlainTextResponse(name)

    app = OneMachine([_service("a", [Route("/a", endpoint)], log=[])], Metrics())
    async with _started(app), _client(app) as client:
        assert [(await client.get("/a")).text for _ in range(2)] == ["a", "a"]


async def test_services_start_from_the_last_to_the_first_and_stop_the_other_way_round() -> None:
    log: list[str] = []
    app = OneMachine([_service(name, [], log=log) for name in ("ingest", "notifier")], Metrics())
    async with _started(app):
        pass
    assert log == ["open notifier", "open ingest", "close ingest", "close notifier"]
