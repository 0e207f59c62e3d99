"""`python -m tests.unit.ingest.storing_process <spool>`: a process that stores and finalizes one command after another.

Each line of its input is a command, each line of its output the result of one. A store may pause right before or
right after its chunk gets its name, while the session's lock is held: it says so in a line, and goes on at the next.
"""

import hashlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from services.ingest.finalization.manifest_writer import ManifestWriter
from services.ingest.intake.chunk_store import ChunkStore, ChunkTarget
from services.ingest.intake.staged_chunk import StagedFile
from services.ingest.intake.tenant_quota import TenantQuota
from services.ingest.session_state.session_cache import SessionCache
from shared.domain.errors import RoomtoneError
from shared.domain.identifiers import SessionKey
from shared.observability.trace import new_trace
from shared.storage.durable_files import TemporaryFile
from shared.storage.spool import Spool


def _print(result: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()


class PausingFile(TemporaryFile):
    """A file that waits for a line of input before or after it gets its name."""

    def __init__(self, directory: Path, pause: str) -> None:
        super().__init__(directory)
        self._pause = pause

    def link_to(self, final: Path) -> bool:
        if self._pause == "before":
            _wait_for_line()
        linked = super().link_to(final)
        if self._pause == "after":
            _wait_for_line()
        return linked


def _wait_for_line() -> None:
    _print({"paused": True})
    sys.stdin.readline()


class StoringProcess:
    """The parts of ingest that hold a session's lock, on one spool."""

    def __init__(self, root: Path) -> None:
        self._spool = Spool(root)
        self._spool.prepare()
        sessions = SessionCache()
        quota = TenantQuota(self._spool, ThreadPoolExecutor(1), 0)
        self._chunks = ChunkStore(self._spool, sessions, quota, max_session_size=1_000_000)
        self._manifests = ManifestWriter(self._spool, sessions)

    def store(self, session: str, content: str, index: int | None, pause: str) -> dict[str, Any]:
        file = PausingFile(self._spool.temporaries, pause)
        body = content.encode()
        file.write([body])
        file.sync()
        staged = StagedFile(file, len(body), hashlib.sha256(body).hexdigest())
        stored = self._chunks.store(ChunkTarget(_key(session), index), staged)
        file.discard()
        return {"index": stored.index, "total_chunks": stored.total_chunks}

    def finalize(self, session: str) -> dict[str, Any]:
        stored = self._manifests.write(_key(session), new_trace(), None)
        return {"chunks": [chunk.index for chunk in stored.manifest.chunks]}


def _key(session: str) -> SessionKey:
    return SessionKey("default", session)


def main() -> None:
    process = StoringProcess(Path(sys.argv[1]))
    for line in iter(sys.stdin.readline, ""):
        name, *arguments = json.loads(line)
        try:
            _print(getattr(process, name)(*arguments))
        except RoomtoneError as exc:
            _print({"error": exc.code})


if __name__ == "__main__":
    main()
