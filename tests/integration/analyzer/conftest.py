from collections.abc import AsyncIterator

import pytest
from openai import AsyncOpenAI

from deploy.local.nats_server import NatsServer
from deploy.local.ports import free_ports
from services.analyzer.openai_client import open_client
from tests.integration.analyzer.fake_openai import KEY, FakeOpenAI


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
async def openai_client(openai_server: FakeOpenAI) -> AsyncIterator[AsyncOpenAI]:
    async with open_client(KEY, openai_server.base_url, retries=2) as client:
        yield client
