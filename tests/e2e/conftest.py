"""One running Roomtone for all tests that neither stop nor break it."""

from collections.abc import AsyncIterator

import pytest

from tests.e2e.one_machine import OneMachine, one_machine


@pytest.fixture(scope="session")
async def machine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OneMachine]:
    """The one-machine form on a free port; use sessions of your own."""
    async with one_machine(tmp_path_factory.mktemp("machine") / "data") as running:
        yield running
