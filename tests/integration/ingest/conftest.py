"""What the tests of several families start: a main service, an assembler at work, ingest as a process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.ports import free_ports
from shared.storage.settings import StoreConfig
from tests.integration.ingest.main_service import MainService, main_service
from tests.integration.pipeline import assembler_running, assembler_settings, store_settings
from tests.service_process import ServiceProcess


@pytest.fixture
async def receiver() -> AsyncIterator[MainService]:
    async with main_service() as service:
        yield service


@pytest.fixture
async def spool(tmp_path: Path, nats_url: str, store_config: StoreConfig) -> AsyncIterator[Path]:
    """A spool with an assembler at work."""
    async with assembler_running(assembler_settings(tmp_path / "spool", nats_url, store_config)):
        yield tmp_path / "spool"


@pytest.fixture
async def ingest(tmp_path: Path, nats_url: str, store_config: StoreConfig) -> AsyncIterator[ServiceProcess]:
    settings = {"NATS_URL": nats_url, "LOCAL_TEMP_CHUNK_PATH": str(tmp_path / "spool"), "PORT": str(free_ports(1)[0])}
    store = {name.upper(): str(value) for name, value in store_settings(store_config).items()}
    async with ServiceProcess("ingest", tmp_path, {**settings, **store}) as process:
        yield process
