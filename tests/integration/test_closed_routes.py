"""Closed by default: every route of every service but the health paths needs a token."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import httpx
import pytest
from starlette.routing import BaseRoute, Route, WebSocketRoute
from websockets.asyncio.client import connect

from services.analyzer.app import create_service as create_analyzer
from services.analyzer.settings import AnalyzerSettings
from services.assembler.app import create_service as create_assembler
from services.ingest.app import create_service as create_ingest
from services.notifier.app import create_service as create_notifier
from services.notifier.settings import NotifierSettings
from shared.http.paths import HEALTH_PATHS
from shared.observability.metrics import Metrics
from shared.runtime.service import Service
from shared.storage.settings import StoreConfig
from tests.integration.pipeline import assembler_settings, ingest_settings, store_settings
from tests.serving import serving
from tests.tokens import token_settings

_OPEN = HEALTH_PATHS | {"/openapi.json"}


@pytest.fixture(scope="module")
async def running(
    tmp_path_factory: pytest.TempPathFactory, nats_url: str, store_config: StoreConfig
) -> AsyncIterator[Sequence[tuple[Service, str]]]:
    """All four services with token authentication, and their base URLs."""
    spool = tmp_path_factory.mktemp("spool")
    ingest = ingest_settings(spool, nats_url, store_config, **token_settings())
    assembler = assembler_settings(spool, nats_url, store_config, **token_settings())
    common = {"nats_url": nats_url, **token_settings()}
    analyzer = AnalyzerSettings.model_validate(store_settings(store_config) | common)
    notifier = NotifierSettings.model_validate(common)
    services = [
        create_ingest(ingest, Metrics()),
        create_assembler(assembler, Metrics()),
        create_analyzer(analyzer, Metrics()),
        create_notifier(notifier, Metrics()),
    ]
    async with (
        serving(services[0], ingest) as one,
        serving(services[1], assembler) as two,
        serving(services[2], analyzer) as three,
        serving(services[3], notifier) as four,
    ):
        yield list(zip(services, (one, two, three, four), strict=True))


def path_of(route: BaseRoute) -> str:
    """Return a path that leads to the route."""
    assert isinstance(route, Route | WebSocketRoute), "a route of an unknown kind"
    return route.path_format.format(**dict.fromkeys(route.param_convertors, "x"))


async def status_codes(service: Service, base: str) -> dict[str, int]:
    """Call every route of a service without a token; returns the status codes by method and path."""
    found: dict[str, int] = {}
    async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
        for route in service.app.routes:
            path = path_of(route)
            if path in _OPEN:
                continue
            if isinstance(route, WebSocketRoute):
                async with connect(f"ws{base.removeprefix('http')}{path}", proxy=None) as socket:
                    await asyncio.wait_for(socket.wait_closed(), 10)
                    found[f"WebSocket {path}"] = socket.close_code or 0
            elif isinstance(route, Route):
                for method in route.methods or {"GET", "POST"}:
                    found[f"{method} {path}"] = (await client.request(method, path)).status_code
    return found


async def test_every_route_rejects_a_caller_without_a_token(running: Sequence[tuple[Service, str]]) -> None:
    found = {name: code for service, base in running for name, code in (await status_codes(service, base)).items()}
    assert {name: code for name, code in found.items() if code not in {401, 4401}} == {}
    assert {"GET /sessions/x", "POST /upload_chunk/x", "POST /finalize/x", "WebSocket /notify"} <= found.keys()


async def test_health_paths_need_no_token(running: Sequence[tuple[Service, str]]) -> None:
    for _, base in running:
        async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
            for path in sorted(HEALTH_PATHS - {"/readyz"}):
                assert (await client.get(path)).status_code == 200
