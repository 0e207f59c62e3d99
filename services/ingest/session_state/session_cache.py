"""Cache of open sessions, so that chunk 10,000 costs what chunk 10 did.

An entry is valid while its version equals the one in the session's lock file; otherwise (another replica wrote, or this
process restarted) it is reread from disk. A directory's mtime would not do as a version: on older kernels and network
filesystems it stands still for milliseconds.
"""

import hashlib
from collections import OrderedDict
from threading import Lock

from shared.domain.identifiers import SessionKey
from shared.domain.manifest import Chunk
from shared.storage.lock_files import LockFile
from shared.storage.session_directory import SessionDirectory

_MAX_CHUNKS = 200_000  # over all cached sessions; a few hundred bytes each
_SESSION_WEIGHT = 8  # in chunks: what an empty entry counts for


class CachedSession:
    """The chunks of one session by index; used only while the session's lock file is held."""

    def __init__(self, directory: SessionDirectory, lock: LockFile) -> None:
        self._directory = directory
        self.metadata = directory.read_metadata()
        # Ending a session in any way bumps the version, so these three are as current as the entry.
        self.deleted = directory.deleted.exists()
        self.finalized = directory.manifest.exists()
        self.expired = directory.expired.exists()
        self._sizes = directory.chunk_sizes()
        self._hashes: dict[int, str] = {}
        self._version = lock.version
        self.size = sum(self._sizes.values())
        self.next_index = max(self._sizes, default=-1) + 1

    def __len__(self) -> int:
        return len(self._sizes)

    def __contains__(self, index: int) -> bool:
        return index in self._sizes

    def add(self, index: int, size: int, sha256: str, lock: LockFile) -> None:
        """Add a chunk that was just linked under its final name; the caller has bumped the `lock`'s version."""
        self._sizes[index] = size
        self._hashes[index] = sha256
        self.size += size
        self.next_index = max(self.next_index, index + 1)
        self._version = lock.version

    def chunk(self, index: int) -> Chunk:
        """Return a chunk with its hash, which is computed from the file if it is not cached; blocks."""
        sha256 = self._hashes.get(index)
        if sha256 is None:
            with self._directory.chunk(index).open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            self._hashes[index] = sha256
        return Chunk(index=index, size=self._sizes[index], sha256=sha256)

    def chunks(self) -> tuple[Chunk, ...]:
        """Return all chunks in order; blocks while missing hashes are computed."""
        snapshot = tuple(self._sizes)  # atomic, since other threads may add chunks
        return tuple(self.chunk(index) for index in sorted(snapshot))

    def missing(self, total: int = 0) -> list[tuple[int, int]]:
        """Return the gaps below the highest index, and below `total`, as inclusive ranges in order."""
        gaps: list[tuple[int, int]] = []
        expected = 0
        for index in sorted(self._sizes):
            if index > expected:
                gaps.append((expected, index - 1))
            expected = index + 1
        if expected < total:
            gaps.append((expected, total - 1))
        return gaps

    def beyond(self, total: int) -> list[int]:
        """Return the indices from `total` on, in order."""
        return sorted(index for index in self._sizes if index >= total)

    def is_same_directory(self, lock: LockFile) -> bool:
        """Whether the entry is of this directory, and not of a deleted one of the same name."""
        return self._version[0] == lock.created

    def is_current(self, lock: LockFile) -> bool:
        """Whether the session has not been changed by another process since the entry was read."""
        return self._version == lock.version


class SessionCache:
    """Least-recently-used cache of sessions, bounded to 200,000 chunks by default; thread-safe."""

    def __init__(self, max_chunks: int = _MAX_CHUNKS) -> None:
        self._max_chunks = max_chunks
        self._sessions: OrderedDict[SessionKey, CachedSession] = OrderedDict()
        self._weights: dict[SessionKey, int] = {}
        self._weight = 0
        self._guard = Lock()

    def load(self, directory: SessionDirectory, lock: LockFile) -> CachedSession:
        """Return the session as it is on disk now; the caller holds its lock file."""
        with self._guard:
            cached = self._sessions.get(directory.key)
        if cached is None or not cached.is_same_directory(lock):
            directory.sync_parents()  # once for each directory, before any of its chunks is acknowledged
        if cached is None or not cached.is_current(lock):
            cached = CachedSession(directory, lock)
        with self._guard:
            self._sessions[directory.key] = cached
            self._sessions.move_to_end(directory.key)
            self._set_weight(directory.key, len(cached) + _SESSION_WEIGHT)
            while self._weight > self._max_chunks and len(self._sessions) > 1:
                self._drop(next(iter(self._sessions)))
        return cached

    def known_size(self, key: SessionKey) -> int:
        """Return the size in bytes of a cached session, 0 for one that is not cached; does not read the disk."""
        with self._guard:
            cached = self._sessions.get(key)
        return cached.size if cached else 0

    def has(self, key: SessionKey) -> bool:
        """Whether a session is cached; does not read the disk."""
        with self._guard:
            return key in self._sessions

    def forget(self, key: SessionKey) -> None:
        """Drop the entry of a session, which takes no more chunks."""
        with self._guard:
            self._drop(key)

    def _set_weight(self, key: SessionKey, weight: int) -> None:
        self._weight += weight - self._weights.get(key, 0)
        self._weights[key] = weight

    def _drop(self, key: SessionKey) -> None:
        if self._sessions.pop(key, None) is not None:
            self._weight -= self._weights.pop(key)
