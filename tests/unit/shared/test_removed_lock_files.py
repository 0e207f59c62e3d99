import asyncio
import os
from pathlib import Path

from shared.storage.lock_files import acquire_lock
from tests.processes import waits_for_lock
from tests.waiting import until


async def test_who_waited_for_a_removed_lock_file_leaves_alone_the_one_that_has_its_name_since(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    removed = acquire_lock(path)
    waiting = asyncio.create_task(asyncio.to_thread(acquire_lock, path))
    await until(lambda: waits_for_lock(os.getpid()))
    removed.remove(path)
    with acquire_lock(path) as following:
        with removed:
            pass
        await until(lambda: waiting.done() or waits_for_lock(os.getpid()))
        following.bump_version()
    with await waiting as held:
        assert held.version == following.version
