"""Where a sealed chunk gets its place in the session: under the session's lock, never replacing another."""

from dataclasses import dataclass

from services.ingest.session_index import OpenSession, SessionIndex
from services.ingest.writer import SealedChunk
from shared.durable import locked
from shared.errors import Conflict, OutOfSpace, TooLarge, Unavailable
from shared.spool import SessionDirectory, Spool
from shared.subjects import SessionKey

_NAME_TRIES = 8  # a name is only ever taken from under us by a disk that ignores locks


@dataclass(frozen=True, slots=True)
class PlacedChunk:
    """A chunk under its final name, not yet durable there: sync `directory` before telling anyone."""

    directory: SessionDirectory
    index: int
    size: int
    sha256: str
    total_chunks: int
    opened_session: bool


class ChunkStore:
    """Places chunks; every method blocks."""

    def __init__(self, spool: Spool, sessions: SessionIndex, *, max_session_size: int, min_free_percent: float) -> None:
        self._spool = spool
        self._sessions = sessions
        self._max_session_size = max_session_size
        self._min_free = min_free_percent / 100

    def admit(self, key: SessionKey) -> None:
        """Refuse before a chunk's body is read: late chunks (Conflict), a short disk (OutOfSpace)."""
        if self._spool.free_fraction() < self._min_free:
            raise OutOfSpace("The server's disk is nearly full: earlier chunks are safe, send this one again later.")
        self._refuse_late(self._spool.session(key))

    def place(self, key: SessionKey, chunk: SealedChunk, index: int | None) -> PlacedChunk:
        """Give a chunk its final name: the one asked for, or the next in arrival order.

        The same bytes again under the same index are the same success. Raises Conflict for other bytes or a
        finalized session, and TooLarge past the session's limit; first bytes are always kept.
        """
        self._refuse_oversize(0, chunk)
        directory = self._spool.open(key)
        with locked(directory.lock):
            self._refuse_late(directory)
            session = self._sessions.load(directory)
            opened = len(session) == 0
            if index is not None and index in session:
                self._refuse_other_bytes(session, chunk, index)
            else:
                self._refuse_oversize(session.size, chunk)
                index = self._name(directory, session, chunk, index)
            return PlacedChunk(directory, index, chunk.size, chunk.sha256, len(session), opened)

    def _name(self, directory: SessionDirectory, session: OpenSession, chunk: SealedChunk, wanted: int | None) -> int:
        for _ in range(_NAME_TRIES):
            index = session.next_index if wanted is None else wanted
            if chunk.file.publish(directory.chunk(index)):
                session.add(index, chunk.size, chunk.sha256)
                return index
            self._sessions.forget(directory.key)
            session = self._sessions.load(directory)
        raise Unavailable("Another writer keeps taking this chunk's place: send it again.", code="busy")

    @staticmethod
    def _refuse_late(directory: SessionDirectory) -> None:
        if directory.manifest.exists():
            raise Conflict("The session is finalized and takes no more chunks: use a new session id.", code="finalized")

    @staticmethod
    def _refuse_other_bytes(session: OpenSession, chunk: SealedChunk, index: int) -> None:
        stored = session.chunk(index)
        if (stored.size, stored.sha256) != (chunk.size, chunk.sha256):
            raise Conflict(
                f"Chunk {index} is already stored with other bytes, which were kept: use another chunk_index.",
                code="other_bytes",
            )

    def _refuse_oversize(self, stored: int, chunk: SealedChunk) -> None:
        if stored + chunk.size > self._max_session_size:
            raise TooLarge(
                f"A session may have at most {self._max_session_size} bytes: finalize it and go on in a new one.",
                code="session_too_large",
            )
