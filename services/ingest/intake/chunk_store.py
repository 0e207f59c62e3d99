"""Where a sealed chunk gets its place in the session: under the session's lock, never replacing another."""

from dataclasses import dataclass

from services.ingest.intake.admission import Arrival
from services.ingest.intake.staged_chunk import SealedChunk
from services.ingest.intake.tenant_quota import TenantQuota
from services.ingest.session_state.expiry import expired as has_expired
from services.ingest.session_state.session_cache import OpenSession, SessionIndex
from shared.domain.errors import Conflict, NotFound, TooLarge, Unavailable
from shared.domain.identifiers import MAX_CHUNK_INDEX, SessionKey
from shared.domain.upload_kind import lead_of
from shared.storage.lock_files import LockFile, locked
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool


@dataclass(frozen=True, slots=True)
class Place:
    """Which session a chunk goes to, and under which index; None appends it in arrival order.

    `opened`: the session was opened for a purpose before; a raw one is opened by its first chunk.
    """

    key: SessionKey
    index: int | None
    opened: bool = False


@dataclass(frozen=True, slots=True)
class PlacedChunk:
    """A chunk under its final name, not yet durable there: sync `directory` before telling anyone.

    `total_size` is how many bytes all chunks of the session have together; `lead` is None for a session of
    none.
    """

    directory: SessionDirectory
    index: int
    size: int
    sha256: str
    total_chunks: int
    total_size: int
    opened_session: bool
    lead: str | None


class ChunkStore:
    """Places chunks; every method blocks but `would_admit`."""

    def __init__(self, spool: Spool, sessions: SessionIndex, quota: TenantQuota, *, max_session_size: int) -> None:
        self._spool = spool
        self._sessions = sessions
        self._quota = quota
        self._max_session_size = max_session_size

    def admit(self, key: SessionKey | None, declared_size: int, arrival: Arrival) -> None:
        """Refuse what can be refused before a chunk's body is read.

        `key` is None while its session is not known, `declared_size` is 0 when nothing was declared.

        Raises what `Arrival.enter` raises, Conflict for a late chunk and TooLarge for a session known to be full.
        """
        arrival.enter()
        if key is not None:
            directory = self._spool.session(key)
            _refuse_late(
                deleted=directory.deleted.exists(),
                finalized=directory.manifest.exists(),
                expired=not self._sessions.knows(key) and directory.expired.exists(),
            )
            self._refuse_oversize(self._sessions.known_size(key) + declared_size)

    def would_admit(self, key: SessionKey | None, declared_size: int, arrival: Arrival) -> bool:
        """Whether memory alone says that `admit` lets a chunk in: of a session that is open here; does not block."""
        if key is None or not self._sessions.knows(key):
            return False
        return self._sessions.known_size(key) + declared_size <= self._max_session_size and arrival.would_enter()

    def place(self, place: Place, chunk: SealedChunk) -> PlacedChunk:
        """Give a chunk its final name: the one asked for, or the next in arrival order.

        The same bytes again under the same index are the same success. Raises Conflict for other bytes or a
        finalized session, NotFound for a deleted one, and TooLarge past the session's limit; first bytes are always
        kept.
        """
        self._refuse_oversize(chunk.size)
        directory = self._spool.session(place.key)
        index = place.index
        with self._locked(directory) as lock:
            session = self._sessions.load(directory, lock)
            _refuse_late(deleted=session.deleted, finalized=session.finalized, expired=session.expired)
            _refuse_other_family(session, place)
            opened = len(session) == 0 and session.opening is None
            if index is not None and index in session:
                self._refuse_other_bytes(session, chunk, index)
            else:
                self._refuse_oversize(session.size + chunk.size)
                index = self._name(directory, session, chunk, index, lock)
                self._quota.stored(place.key.tenant, chunk.size)
            lead = lead_of(session.opening.purpose if session.opening else None)
            return PlacedChunk(directory, index, chunk.size, chunk.sha256, len(session), session.size, opened, lead)

    def _locked(self, directory: SessionDirectory) -> LockFile:
        try:
            return locked(directory.lock)
        except FileNotFoundError:
            if self._sessions.knows(directory.key):  # removed by another process: only the catalog may know why
                self._sessions.forget(directory.key)
                raise Unavailable("The session was put away meanwhile: send the chunk again.", code="busy") from None
            self._spool.open(directory.key)
            return locked(directory.lock)

    @staticmethod
    def _name(
        directory: SessionDirectory, session: OpenSession, chunk: SealedChunk, wanted: int | None, lock: LockFile
    ) -> int:
        index = session.next_index if wanted is None else wanted
        if index > MAX_CHUNK_INDEX:
            raise TooLarge("The session has as many chunks as it may: finalize it and go on in a new one.")
        lock.count_change()  # before the name is there, so that no crash leaves another holder with a stale view
        if not chunk.file.publish(directory.chunk(index)):
            raise Unavailable("The spool's disk does not keep its locks: send the chunk again.", code="busy")
        session.add(index, chunk.size, chunk.sha256, lock)
        return index

    @staticmethod
    def _refuse_other_bytes(session: OpenSession, chunk: SealedChunk, index: int) -> None:
        stored = session.chunk(index)
        if (stored.size, stored.sha256) != (chunk.size, chunk.sha256):
            raise Conflict(
                f"Chunk {index} is already stored with other bytes, which were kept: use another chunk_index.",
                code="other_bytes",
            )

    def _refuse_oversize(self, size: int) -> None:
        if size > self._max_session_size:
            raise TooLarge(
                f"A session may have at most {self._max_session_size} bytes: finalize it and go on in a new one.",
                code="session_too_large",
            )


def _refuse_late(*, deleted: bool, finalized: bool, expired: bool) -> None:
    if deleted:
        raise NotFound("The session was deleted: use a new session id.")
    if finalized:
        raise Conflict("The session is finalized and takes no more chunks: use a new session id.", code="finalized")
    if expired:
        raise has_expired()


def _refuse_other_family(session: OpenSession, place: Place) -> None:
    if (session.opening is not None) != place.opened:
        raise Conflict(
            "The session was opened by another kind of upload: use that one's addresses, or a new session id.",
            code="other_family",
        )
