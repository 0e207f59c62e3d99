import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from services.ingest.intake.directory_sync import DirectorySync


async def test_those_who_ask_while_a_sync_runs_share_the_next_one(tmp_path: Path) -> None:
    entered, release = threading.Semaphore(0), threading.Event()
    calls: list[Path] = []

    def slow_sync(directory: Path) -> None:
        calls.append(directory)
        entered.release()
        release.wait(10)

    with ThreadPoolExecutor(4) as executor:
        syncing = DirectorySync(executor, slow_sync)
        first = asyncio.create_task(syncing.sync(tmp_path))
        await asyncio.to_thread(entered.acquire)
        others = [asyncio.create_task(syncing.sync(tmp_path)) for _ in range(10)]
        release.set()
        await asyncio.gather(first, *others)
    assert len(calls) == 2
