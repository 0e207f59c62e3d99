"""Real engines for the tests that cross a process: one of each for the whole run, on free ports."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import certifi
import pytest
import structlog

from deploy.local.nats_server import NatsServer
from deploy.local.object_store import RcloneStore, StoreKeys
from deploy.local.ports import free_ports
from shared.storage.settings import StoreConfig
from tests.environment import clean_environment

_REPOSITORY = Path(__file__).parents[1]
_END = "-----END CERTIFICATE-----\n"


@pytest.fixture(scope="session", autouse=True)
def nothing_of_the_developers_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the developer's settings out: their environment, and the `.env` in the repository's folder.

    It may name a real bucket. Processes that tests start find the code all the same. They trust one authority instead
    of hundreds, which every client of HTTP would read at its start though no test goes out.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - clean_environment(os.environ).keys():
            patch.delenv(name)
        patch.chdir(tmp_path_factory.mktemp("working-folder"))
        patch.setenv("PYTHONPATH", str(_REPOSITORY))
        authority = tmp_path_factory.mktemp("trust") / "authority.pem"
        authority.write_text(Path(certifi.where()).read_text().partition(_END)[0] + _END)
        patch.setenv("SSL_CERT_FILE", str(authority))
        patch.delenv("SSL_CERT_DIR", raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def plain_tracebacks() -> None:
    """Log tracebacks without local variables: those of structlog's default hold a test's loop for seconds."""
    *others, _ = structlog.get_config()["processors"]
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*others, renderer])


@pytest.fixture(scope="session")
async def nats_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[NatsServer]:
    """The bus all tests share; use sessions of your own. A test that stops a bus takes `private_nats`."""
    async with NatsServer(tmp_path_factory.mktemp("nats"), free_ports(1)[0]) as server:
        yield server


@pytest.fixture(scope="session")
async def nats_url(nats_server: NatsServer) -> str:
    return nats_server.url


@pytest.fixture(scope="session")
async def object_store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RcloneStore]:
    """The S3 server all tests share; `bucket_folder` shows its objects as files."""
    folder = tmp_path_factory.mktemp("store") / "objects"
    async with RcloneStore(folder, free_ports(1)[0], StoreKeys()) as store:
        yield store


@pytest.fixture(scope="session")
async def store_config(object_store: RcloneStore) -> StoreConfig:
    """The shared store, told to take the parts of an upload in any order, as R2 and S3 do."""
    return object_store.config("any")


@pytest.fixture(scope="session")
async def ascending_store_config(object_store: RcloneStore) -> StoreConfig:
    """The shared store as the one-machine form uses it: parts in ascending order."""
    return object_store.config("ascending")


@pytest.fixture
async def private_nats(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[NatsServer]:
    """A running bus of the test's own, to `kill()`, `stop()` and `start()` again on its port and folder."""
    async with NatsServer(tmp_path_factory.mktemp("nats"), free_ports(1)[0]) as server:
        yield server


@pytest.fixture
async def private_store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RcloneStore]:
    """A running S3 server of the test's own, to `kill()`, `stop()` and `start()` again."""
    folder = tmp_path_factory.mktemp("store") / "objects"
    async with RcloneStore(folder, free_ports(1)[0], StoreKeys()) as store:
        yield store
