"""DNS rebinding: a page whose host name resolves to this machine gets nothing from a server without authentication."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from services.notifier.app import create_service
from services.notifier.settings import NotifierSettings
from shared.observability.metrics import Metrics
from shared.storage.settings import StoreConfig
from tests.e2e.one_machine import OneMachine, one_machine
from tests.integration.pipeline import Pipeline, ingest_running, ingest_settings
from tests.serving import serving
from tests.tokens import token_settings

EVIL = {"Host": "evil.example:8191", "Origin": "http://evil.example:8191"}
NOWHERE = "nats://127.0.0.1:1"


@pytest.fixture
async def pipeline(tmp_path: Path, store_config: StoreConfig) -> AsyncIterator[Pipeline]:
    async with ingest_running(ingest_settings(tmp_path, NOWHERE, store_config)) as pipeline:
        yield pipeline


def assert_other_host(response: httpx.Response) -> None:
    assert (response.status_code, response.json()["status"], response.json()["code"]) == (421, "error", "other_host")
    assert "ALLOWED_HOSTS" in response.json()["message"]
    assert response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/sessions/o1"),
        ("GET", "/sessions/o1"),
        ("POST", "/upload_chunk/o1"),
        ("GET", "/livez"),
        ("GET", "/"),
    ],
)
async def test_a_rebound_page_gets_nothing_from_ingest(pipeline: Pipeline, method: str, path: str) -> None:
    assert_other_host(await pipeline.client.request(method, path, headers=EVIL))
    assert_other_host(await pipeline.client.request(method, path, headers={"Host": EVIL["Host"]}))
    assert not pipeline.directory("o1").path.exists()


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:8191", "app.localhost"])
async def test_names_of_this_machine_are_served_whatever_their_port(pipeline: Pipeline, host: str) -> None:
    assert (await pipeline.client.get("/livez", headers={"Host": host})).status_code == 200


async def test_a_listed_host_is_served_and_with_tokens_every_host(tmp_path: Path, store_config: StoreConfig) -> None:
    for more in ({"allowed_hosts": "evil.example"}, token_settings()):
        async with ingest_running(ingest_settings(tmp_path, NOWHERE, store_config, **more)) as pipeline:
            assert (await pipeline.client.get("/livez", headers=EVIL)).status_code == 200


async def test_a_rebound_page_can_not_open_a_websocket() -> None:
    settings = NotifierSettings(nats_url=NOWHERE)
    async with serving(create_service(settings, Metrics()), settings) as base:
        address = urlsplit(base)
        with pytest.raises(InvalidStatus) as rejected:
            async with connect(
                "ws://evil.example:8191/notify",
                host=address.hostname,
                port=address.port,
                origin=Origin(EVIL["Origin"]),
                proxy=None,
            ):
                pass
    assert rejected.value.response.status_code == 421


@pytest.fixture(scope="module")
async def machine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OneMachine]:
    async with one_machine(tmp_path_factory.mktemp("machine") / "data") as machine:
        yield machine


@pytest.mark.parametrize("path", ["/", "/livez", "/metrics", "/openapi.json", "/no/such/path", "/sessions/o1"])
async def test_nothing_of_the_one_machine_form_is_served_to_a_rebound_page(machine: OneMachine, path: str) -> None:
    async with httpx.AsyncClient(base_url=machine.address) as client:
        foreign, own = await asyncio.gather(client.get(path, headers=EVIL), client.get(path))
    assert_other_host(foreign)
    assert own.status_code in {200, 404}
