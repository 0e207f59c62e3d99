"""What ingest remembers of open sessions, so that chunk 10,000 costs what chunk 10 did.

A memory, never the truth: each entry is good while the session's lock file counts the changes that we saw, and is
read anew from the disk otherwise (another replica wrote, or we restarted). A directory's mtime would not do: on older
kernels and network filesystems it stands still for milliseconds.
"""

import hashlib
from collections import OrderedDict
from threading import Lock

from shared.domain.identifiers import SessionKey
from shared.domain.manifest import Chunk
from shared.storage.lock_files import LockFile
from shared.storage.session_directory import SessionDirectory

_MAX_CHUNKS = 200_000  # chunks remembered over all sessions; a few hundred bytes each
_SESSION_WEIGHT = 8  # what an empty entry counts as


class CachedSession:
    """The chunks of one session by index; used only while the session's lock file is held."""

    def __init__(self, directory: SessionDirectory, lock: LockFile) -> None:
        self._directory = directory
        self.opening = directory.read_metadata()
        # Whoever ends a session in any way counts that as a change.
        self.deleted = directory.deleted.exists()
        self.finalized = directory.manifest.exists()
        self.expired = directory.expired.exists()
        self._sizes = directory.sizes()
        self._hashes: dict[int, str] = {}
        self._version = lock.version
        self.size = sum(self._sizes.values())
        self.next_index = max(self._sizes, default=-1) + 1

    def __len__(self) -> int:
        return len(self._sizes)

    def __contains__(self, index: int) -> bool:
        return index in self._sizes

    def add(self, index: int, size: int, sha256: str, lock: LockFile) -> None:
        """Remember a chunk that just got its name, and let other holders of the lock know of the change."""
        self._sizes[index] = size
        self._hashes[index] = sha256
        self.size += size
        self.next_index = max(self.next_index, index + 1)
        self._version = lock.version

    def chunk(self, index: int) -> Chunk:
        """Describe a chunk, reading it back if its hash is not remembered; blocks."""
        sha256 = self._hashes.get(index)
        if sha256 is None:
            with self._directory.chunk(index).open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            self._hashes[index] = sha256
        return Chunk(index=index, size=self._sizes[index], sha256=sha256)

    def chunks(self) -> tuple[Chunk, ...]:
        """Describe all chunks in order; blocks while unknown hashes are read back."""
        snapshot = tuple(self._sizes)  # one step, while other threads may add chunks
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

    def is_same_directory(self, lock: LockFile) -> bool:
        """Whether it is still the directory that we know, and not one that was made anew."""
        return self._version[0] == lock.created

    def is_current(self, lock: LockFile) -> bool:
        """Whether nobody else changed the session since we last looked."""
        return self._version == lock.version


class SessionCache:
    """Remembers the sessions used last, bounded by their chunks; safe to use from threads."""

    def __init__(self, max_chunks: int = _MAX_CHUNKS) -> None:
        self._max_chunks = max_chunks
        self._sessions: OrderedDict[SessionKey, CachedSession] = OrderedDict()
        self._weights: dict[SessionKey, int] = {}
        self._weight = 0
        self._guard = Lock()

    def load(self, directory: SessionDirectory, lock: LockFile) -> CachedSession:
        """Return the session as the disk has it now; the caller holds its lock file."""
        with self._guard:
            known = self._sessions.get(directory.key)
        if known is None or not known.is_same_directory(lock):
            directory.sync_parents()  # once for each directory, before any of its chunks is acknowledged
        if known is None or not known.is_current(lock):
            known = CachedSession(directory, lock)
        with self._guard:
            self._sessions[directory.key] = known
            self._sessions.move_to_end(directory.key)
            self._weigh(directory.key, len(known) + _SESSION_WEIGHT)
            while self._weight > self._max_chunks and len(self._sessions) > 1:
                self._drop(next(iter(self._sessions)))
        return known

    def known_size(self, key: SessionKey) -> int:
        """Return the bytes that a session is known to hold, without looking at the disk; 0 when it is not known."""
        with self._guard:
            known = self._sessions.get(key)
        return known.size if known else 0

    def has(self, key: SessionKey) -> bool:
        """Whether a session is remembered, without looking at the disk."""
        with self._guard:
            return key in self._sessions

    def forget(self, key: SessionKey) -> None:
        """Drop what is remembered of a session that takes no more chunks."""
        with self._guard:
            self._drop(key)

    def _weigh(self, key: SessionKey, weight: int) -> None:
        self._weight += weight - self._weights.get(key, 0)
        self._weights[key] = weight

    def _drop(self, key: SessionKey) -> None:
        if self._sessions.pop(key, None) is not None:
            self._weight -= self._weights.pop(key)
