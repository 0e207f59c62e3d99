"""A spool of its own for each test, and the cache of its sessions."""

from pathlib import Path

import pytest

from services.ingest.session_state.session_cache import SessionCache
from shared.storage.spool import Spool


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    spool = Spool(tmp_path)
    spool.prepare()
    return spool


@pytest.fixture
def sessions() -> SessionCache:
    return SessionCache()
