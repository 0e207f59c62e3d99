"""Writes a session's manifest, once, at finalize."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from services.ingest.session_state.expiry import session_expired
from services.ingest.session_state.session_cache import CachedSession, SessionCache
from shared.domain.clock import now, rfc3339
from shared.domain.errors import Conflict, EmptySession, NotFound, Unavailable
from shared.domain.identifiers import SessionKey
from shared.domain.manifest import Manifest, OriginalLocation, StoredManifest, dump_manifest
from shared.observability.trace import Trace
from shared.storage.durable_files import sync_directory, write_durably
from shared.storage.lock_files import LockFile, acquire_lock, lock_created
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool

_MAX_GAPS_LISTED = 20


@dataclass(frozen=True, slots=True)
class FinalizeParams:
    """Finalize parameters of a session that was opened with an upload kind; a raw session has none.

    `total_chunks` is how many chunks the client says it sent; `original` is where the file is stored as it was sent.
    """

    total_chunks: int
    original: OriginalLocation


class ManifestWriter:
    """Writes manifests of chunked sessions; every method blocks."""

    def __init__(self, spool: Spool, sessions: SessionCache) -> None:
        self._spool = spool
        self._sessions = sessions

    def write(self, key: SessionKey, trace: Trace, params: FinalizeParams | None) -> StoredManifest:
        """Write the manifest, or return the stored one; `params` is None for a raw session.

        Raises EmptySession without chunks, NotFound after a deletion, and Conflict for missing chunks (naming their
        indices), for a `total_chunks` that differs from the stored chunks or manifest, for an expired session, and
        for a session of another upload kind.
        """
        directory = self._spool.session(key)
        if not directory.exists():
            raise _no_chunks()
        if directory.deleted.exists():
            raise NotFound("The session was deleted.")
        stored = directory.read_manifest()
        if stored is None:
            with acquire_lock(directory.lock) as lock:
                session = self._sessions.load(directory, lock)
            if session.expired:
                raise session_expired()
            session.chunks()  # hashes without the lock: a large session must not hold up a retry of its last chunk
            with acquire_lock(directory.lock) as lock:
                session = self._sessions.load(directory, lock)
                stored = directory.read_manifest() or self._write(directory, lock, session, trace, params)
            self._sessions.forget(key)
        else:
            sync_directory(directory.path)  # its writer may not have synced yet, or have crashed before
        _check_same_params(stored.manifest, params)
        return stored

    def _write(
        self,
        directory: SessionDirectory,
        lock: LockFile,
        session: CachedSession,
        trace: Trace,
        params: FinalizeParams | None,
    ) -> StoredManifest:
        if directory.deleted.exists():
            raise NotFound("The session was deleted.")
        if session.expired:
            raise session_expired()
        if (session.metadata is None) != (params is None):
            raise wrong_upload_kind()
        if session.size == 0:
            raise _no_chunks()
        if len(session) != len(directory.chunk_sizes()):
            raise Unavailable("The spool's disk does not keep its locks: finalize again.", code="busy")
        if params is not None and (beyond := session.beyond(params.total_chunks)):
            raise _beyond_total(beyond, params.total_chunks)
        if gaps := session.missing(params.total_chunks if params else 0):
            raise _missing_chunks(gaps)
        manifest = Manifest(
            tenant=directory.key.tenant,
            session=directory.key.session,
            chunks=session.chunks(),
            request_id=trace.request_id,
            traceparent=trace.traceparent,
            finalized_at=rfc3339(now()),
            opened_at=_opened_at(directory, session),
            purpose=session.metadata.purpose if session.metadata else None,
            original=params.original if params else None,
        )
        return write_manifest(directory, lock, manifest, self._spool.temporaries)


def write_manifest(
    directory: SessionDirectory, lock: LockFile, manifest: Manifest, temporaries: Path
) -> StoredManifest:
    """Write a session's manifest durably; the caller holds the session's `lock` and has checked that none is stored."""
    lock.bump_version()
    write_durably(directory.manifest, dump_manifest(manifest), temporaries)
    stored = directory.read_manifest()
    if stored is None:
        raise Unavailable("The manifest vanished while it was written: try again.")
    return stored


def wrong_upload_kind() -> Conflict:
    """Return the error for finalizing a session that was opened by another kind of upload."""
    return Conflict("The session was opened by another kind of upload: finalize it there.", code="other_family")


def _no_chunks() -> EmptySession:
    return EmptySession("No byte was received for this session: upload its chunks before finalizing.")


def _check_same_params(manifest: Manifest, params: FinalizeParams | None) -> None:
    if (manifest.original is None) != (params is None):
        raise wrong_upload_kind()
    if params is not None and len(manifest.chunks) != params.total_chunks:
        raise Conflict(f"The session was finalized with {len(manifest.chunks)} chunks.", code="finalized")


def _opened_at(directory: SessionDirectory, session: CachedSession) -> str:
    if session.metadata is not None:
        return session.metadata.opened_at
    return rfc3339(datetime.fromtimestamp(lock_created(directory.lock), UTC))


def _beyond_total(indices: list[int], total: int) -> Conflict:
    named = ", ".join(map(str, indices[:_MAX_GAPS_LISTED])) + (" and more" if len(indices) > _MAX_GAPS_LISTED else "")
    return Conflict(
        f"total_chunks is {total}, but chunks with these indices are stored: {named}. "
        "Indices begin at 0: correct total_chunks and finalize again.",
        code="more_chunks",
    )


def _missing_chunks(gaps: list[tuple[int, int]]) -> Conflict:
    named = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in gaps[:_MAX_GAPS_LISTED])
    more = f" and {len(gaps) - _MAX_GAPS_LISTED} more ranges" if len(gaps) > _MAX_GAPS_LISTED else ""
    return Conflict(f"Chunks are missing: {named}{more}. Upload them and finalize again.", code="missing_chunks")
