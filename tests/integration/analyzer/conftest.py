from collections.abc import AsyncIterator, Iterator

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


@pytest.fixture(scope="package")
async def running_openai_server() -> AsyncIterator[FakeOpenAI]:
    server = FakeOpenAI()
    async with server.serving():
        yield server


@pytest.fixture
def openai_server(running_openai_server: FakeOpenAI) -> Iterator[FakeOpenAI]:
    """The package's server, with neither replies nor requests of another test."""
    yield running_openai_server
    running_openai_server.reset()


@pytest.fixture(scope="package")
async def model_service(running_openai_server: FakeOpenAI) -> AsyncIterator[ModelService]:
    async with open_service(running_openai_server.base_url) as service:
        yield service
