"""Gives a staged chunk its final name in the session directory, under the session's lock, never overwriting."""

from dataclasses import dataclass
from pathlib import Path

from services.ingest.intake.admission import UploadReservation
from services.ingest.intake.staged_chunk import StagedFile
from services.ingest.intake.tenant_quota import TenantQuota
from services.ingest.session_state.expiry import session_expired
from services.ingest.session_state.session_cache import CachedSession, SessionCache
from shared.domain.errors import Conflict, NotFound, TooLarge, Unavailable
from shared.domain.identifiers import MAX_CHUNK_INDEX, SessionKey
from shared.domain.upload_kind import lead_of
from shared.storage.lock_files import LockFile, acquire_lock
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool


@dataclass(frozen=True, slots=True)
class ChunkTarget:
    """The session and index a chunk is stored under; an index of None appends it in arrival order.

    `has_metadata`: the session was created with an upload kind before; a raw session is created by its first chunk.
    """

    key: SessionKey
    index: int | None
    has_metadata: bool = False


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk under its final name, durable there only once `directory` is synced.

    `total_size` is the size of all chunks of the session in bytes; `lead` is None for a session without a lead.
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
    """Stores chunks in session directories; every method blocks but `passes_precheck_in_memory`."""

    def __init__(self, spool: Spool, sessions: SessionCache, quota: TenantQuota, *, max_session_size: int) -> None:
        self._spool = spool
        self._sessions = sessions
        self._quota = quota
        self._max_session_size = max_session_size

    @property
    def temporaries(self) -> Path:
        """The folder of files that have no name in a session yet."""
        return self._spool.temporaries

    def precheck(self, key: SessionKey | None, declared_size: int, reservation: UploadReservation) -> None:
        """Reject what can be rejected before a chunk's body is read.

        `key` is None while its session is not known, `declared_size` is 0 when nothing was declared.
        Raises what `UploadReservation.check` raises, Conflict for a late chunk and TooLarge for a full session.
        """
        reservation.check()
        if key is not None:
            directory = self._spool.session(key)
            _check_open(
                deleted=directory.deleted.exists(),
                finalized=directory.manifest.exists(),
                expired=not self._sessions.has(key) and directory.expired.exists(),
            )
            self._check_session_size(self._sessions.known_size(key) + declared_size)

    def passes_precheck_in_memory(
        self, key: SessionKey | None, declared_size: int, reservation: UploadReservation
    ) -> bool:
        """Whether memory alone shows that `precheck` would pass, for a session that is open here; does not block."""
        if key is None or not self._sessions.has(key):
            return False
        return (
            self._sessions.known_size(key) + declared_size <= self._max_session_size
            and reservation.fits_without_disk_check()
        )

    def store(self, target: ChunkTarget, chunk: StagedFile) -> StoredChunk:
        """Give a chunk its final name: that of the index asked for, or of the next in arrival order.

        The same bytes again under the same index are the same success. The bytes that were stored
        first always stay. Raises Conflict for other bytes or a finalized session, NotFound for a deleted one, and
        TooLarge past the session's limit.
        """
        self._check_session_size(chunk.size)
        directory = self._spool.session(target.key)
        index = target.index
        with self._locked(directory) as lock:
            session = self._sessions.load(directory, lock)
            _check_open(deleted=session.deleted, finalized=session.finalized, expired=session.expired)
            _check_upload_kind(session, target)
            opened = len(session) == 0 and session.metadata is None
            if index is not None and index in session:
                self._check_same_bytes(session, chunk, index)
            else:
                self._check_session_size(session.size + chunk.size)
                index = self._link(directory, session, chunk, index, lock)
                self._quota.add(target.key.tenant, chunk.size)
            lead = lead_of(session.metadata.purpose if session.metadata else None)
            return StoredChunk(directory, index, chunk.size, chunk.sha256, len(session), session.size, opened, lead)

    def _locked(self, directory: SessionDirectory) -> LockFile:
        try:
            return acquire_lock(directory.lock)
        except FileNotFoundError:
            if self._sessions.has(directory.key):  # removed by another process; only the catalog knows why
                self._sessions.forget(directory.key)
                raise Unavailable("The session was put away meanwhile: send the chunk again.", code="busy") from None
            self._spool.create_directory(directory.key)
            return acquire_lock(directory.lock)

    @staticmethod
    def _link(
        directory: SessionDirectory, session: CachedSession, chunk: StagedFile, wanted: int | None, lock: LockFile
    ) -> int:
        index = session.next_index if wanted is None else wanted
        if index > MAX_CHUNK_INDEX:
            raise TooLarge("The session has as many chunks as it may: finalize it and go on in a new one.")
        lock.bump_version()  # before the name is there, so that no crash leaves another holder with a stale view
        if not chunk.file.link_to(directory.chunk(index)):
            raise Unavailable("The spool's disk does not keep its locks: send the chunk again.", code="busy")
        session.add(index, chunk.size, chunk.sha256, lock)
        return index

    @staticmethod
    def _check_same_bytes(session: CachedSession, chunk: StagedFile, index: int) -> None:
        stored = session.chunk(index)
        if (stored.size, stored.sha256) != (chunk.size, chunk.sha256):
            raise Conflict(
                f"Chunk {index} is already stored with other bytes, which were kept: use another chunk_index.",
                code="other_bytes",
            )

    def _check_session_size(self, size: int) -> None:
        if size > self._max_session_size:
            raise TooLarge(
                f"A session may have at most {self._max_session_size} bytes: finalize it and go on in a new one.",
                code="session_too_large",
            )


def _check_open(*, deleted: bool, finalized: bool, expired: bool) -> None:
    if deleted:
        raise NotFound("The session was deleted: use a new session id.")
    if finalized:
        raise Conflict("The session is finalized and takes no more chunks: use a new session id.", code="finalized")
    if expired:
        raise session_expired()


def _check_upload_kind(session: CachedSession, target: ChunkTarget) -> None:
    if (session.metadata is not None) != target.has_metadata:
        raise Conflict(
            "The session was opened by another kind of upload: use that one's addresses, or a new session id.",
            code="other_family",
        )
