"""Which pages may call a service, with and without tokens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deploy.local.app import OneMachine
from shared.auth.authenticator import AnonymousAuthenticator
from shared.http.middleware.cross_origin import OriginPolicy
from shared.observability.metrics import Metrics
from shared.runtime.service import Service, create_service_app

LISTED, FOREIGN = "https://app.example.com", "https://evil.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


def service(policy: OriginPolicy, path: str = "/thing") -> Service:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, object]]:
        yield {}

    async def handle(_request: Request) -> Response:
        return PlainTextResponse("done", headers={"Retry-After": "1"})

    return create_service_app(
        "test",
        routes=[Route(path, handle, methods=["GET", "POST"])],
        lifespan=lifespan,
        checks=[],
        metrics=Metrics(),
        authenticator=AnonymousAuthenticator(),
        origins=policy,
    )


def client(policy: OriginPolicy) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(service(policy).app), base_url="http://our.host")


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_listed_page_passes_its_preflight_posts_and_reads_the_response(guarded: bool) -> None:  # noqa: FBT001
    async with client(OriginPolicy((LISTED,), reject_foreign_writes=guarded)) as http:
        preflight = await http.options("/thing", headers={"Origin": LISTED, **PREFLIGHT})
        posted = await http.post("/thing", headers={"Origin": LISTED})
        unknown = await http.post("/nothing", headers={"Origin": LISTED})
    assert preflight.status_code == 200
    assert preflight.headers["x-request-id"]
    assert posted.text == "done"
    assert unknown.status_code == 404
    for response in (preflight, posted, unknown):
        assert response.headers["access-control-allow-origin"] == LISTED
        assert "access-control-allow-credentials" not in response.headers
    assert {"x-request-id", "retry-after"} <= set(posted.headers["access-control-expose-headers"].lower().split(", "))


async def test_a_page_that_is_not_listed_can_not_read_the_response() -> None:
    async with client(OriginPolicy((LISTED,), reject_foreign_writes=False)) as http:
        preflight = await http.options("/thing", headers={"Origin": FOREIGN, **PREFLIGHT})
        posted = await http.post("/thing", headers={"Origin": FOREIGN})
    assert preflight.status_code == 400
    assert "access-control-allow-origin" not in preflight.headers
    assert (posted.status_code, "access-control-allow-origin" in posted.headers) == (200, False)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("origin", [FOREIGN, "null"])
async def test_without_tokens_a_foreign_page_can_not_write(method: str, origin: str) -> None:
    read: list[bool] = []

    async def body() -> AsyncIterator[bytes]:
        read.append(True)
        yield b"body"

    async with client(OriginPolicy((LISTED,))) as http:
        response = await http.request(method, "/thing", content=body(), headers={"Origin": origin})
    assert response.status_code == 403
    assert (response.json()["status"], response.json()["code"]) == ("error", "foreign_origin")
    assert response.headers["x-request-id"]
    assert read == []


@pytest.mark.parametrize("origin", [None, "http://our.host", LISTED])
async def test_programs_the_own_page_and_listed_pages_may_write(origin: str | None) -> None:
    async with client(OriginPolicy((LISTED,))) as http:
        response = await http.post("/thing", headers={} if origin is None else {"Origin": origin})
    assert response.text == "done"


async def test_a_foreign_page_may_send_reads() -> None:
    async with client(OriginPolicy()) as http:
        assert (await http.get("/thing", headers={"Origin": FOREIGN})).text == "done"


async def test_with_a_star_every_page_may_call() -> None:
    async with client(OriginPolicy(("*",))) as http:
        preflight = await http.options("/thing", headers={"Origin": FOREIGN, **PREFLIGHT})
        posted = await http.post("/thing", headers={"Origin": FOREIGN})
    assert (preflight.status_code, posted.text) == (200, "done")
    assert posted.headers["access-control-allow-origin"] == "*"


async def test_on_one_machine_a_preflight_reaches_the_service_of_its_path() -> None:
    services = [service(OriginPolicy(), "/other"), service(OriginPolicy((LISTED,)))]
    transport = httpx.ASGITransport(OneMachine(services, Metrics()))
    async with httpx.AsyncClient(transport=transport, base_url="http://our.host") as http:
        preflight = await http.options("/thing", headers={"Origin": LISTED, **PREFLIGHT})
        rejected = await http.post("/other", headers={"Origin": LISTED})
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, LISTED)
    assert rejected.status_code == 403
