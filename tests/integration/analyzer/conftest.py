from collections.abc import AsyncIterator

import pytest

from deploy.local.nats_server import NatsServer
from deploy.local.ports import free_ports
from services.analyzer.openai_api.service import ModelService
from tests.integration.analyzer.fake_openai import FakeOpenAI
from tests.integration.analyzer.model_services import open_service


@pytest.fixture(scope="package")
async def nats_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A bus of this folder's own: the analyzer takes every recording on it, and other tests' ones take long."""
    async with NatsServer(tmp_path_factory.mktemp("nats"), free_ports(1)[0]) as server:
        yield server.url


@pytest.fixture
async def openai_server() -> AsyncIterator[FakeOpenAI]:
    server = FakeOpenAI()
    async with server.serving():
        yield server


@pytest.fixture
async def model_service(openai_server: FakeOpenAI) -> AsyncIterator[ModelService]:
    async with open_service(openai_server.base_url) as service:
        yield service
