"""Deletes objects that are put into the bucket after their session was deleted.

A document may be uploaded again through its presigned URL, which is valid for up to 7 days and which the store can't
revoke; an analyzer may be killed between the two steps of storing a result and finding the session deleted. So for that
long the deleted keys are checked, and what was put there is deleted again. A key that ends in a slash stands for all
that start with it.
"""

import asyncio
import hashlib
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from shared.domain.clock import now
from shared.domain.errors import RoomtoneError
from shared.storage.durable_files import write_durably
from shared.storage.object_store import LONGEST_SIGNED_SECONDS, ObjectStore
from shared.storage.spool import Spool

log = structlog.stdlib.get_logger(__name__)

_EVERY_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class _Watched:
    object_key: str
    until: datetime


_WATCHED = TypeAdapter(_Watched)


@dataclass(frozen=True, slots=True)
class DeletedObjectWatch:
    """Keeps a durable list of deleted object keys, and checks each for 7 days: no presigned URL lives longer."""

    spool: Spool
    store: ObjectStore
    executor: Executor
    every: float = _EVERY_SECONDS

    def watch(self, object_key: str) -> None:
        """Add an object key to the list, durably; blocks."""
        watched = _Watched(object_key, now() + timedelta(seconds=LONGEST_SIGNED_SECONDS))
        name = hashlib.sha256(object_key.encode()).hexdigest()
        write_durably(self.spool.deleted_objects / name, _WATCHED.dump_json(watched), self.spool.temporaries)

    async def run(self) -> None:
        """Check all keys now and every hour, until cancelled."""
        while True:
            try:
                await self._check_all()
            except (RoomtoneError, OSError, ValidationError):
                log.warning("the deleted objects can't be checked; trying again later", exc_info=True)
            await asyncio.sleep(self.every)

    async def _check_all(self) -> None:
        loop = asyncio.get_running_loop()
        for file, watched in await loop.run_in_executor(self.executor, self._watched):
            for name in await self._present(watched.object_key):
                await self.store.delete(name)
                log.warning("a deleted object was put into the bucket again, and deleted again")
            if watched.until < now():
                await loop.run_in_executor(self.executor, file.unlink)

    async def _present(self, key: str) -> list[str]:
        if key.endswith("/"):
            return [name async for name in self.store.list_keys(key)]
        return [key] if await self.store.head(key) is not None else []

    def _watched(self) -> list[tuple[Path, _Watched]]:
        return [(file, _WATCHED.validate_json(file.read_bytes())) for file in self.spool.deleted_objects.iterdir()]
