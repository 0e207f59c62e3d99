"""The spool: the directory tree that holds chunks until their recording is in the bucket, one directory a session.

A session's state can be read from the listing of its directory.

<spool>/.temporary/                   files being written
<spool>/.deletions/<tenant>.<session> deletions under way, to be continued after a crash
<spool>/.late/                        deleted documents that an old presigned URL could upload again
<spool>/.claims/                      object keys that are taken
<spool>/<tenant>/<session>/.lock      held while a file gets its final name; counts the changes
                           .working         held while the assembler, a deletion or the reaper works on it
                           opening.json     session metadata, if the client opened the session before its first chunk
                           0000012.chunk
                           manifest.json    finalized: the chunks of the recording
                           published        the bus has the manifest's event, or the expiry's (losing this is harmless)
                           result.json      the event that the session ended with; after success the chunks are gone
                           expired.json     abandoned: no chunk came for too long, the chunks are deleted
                           deleted          everything else is deleted, for good

The directory of a session that ended, expired or was deleted is removed once its result is in the catalog.
What callbacks keep here is listed in services/ingest/indexed_uploads/callbacks/store.py.
"""

import os
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from shared.domain.envelope import Envelope, encode
from shared.domain.events import AudioFailed, AudioReady
from shared.domain.identifiers import SessionKey
from shared.storage.durable_files import sync_directory, write_durably
from shared.storage.lock_files import LockFile
from shared.storage.session_directory import CHUNK_SUFFIX, SessionDirectory, SessionMetadata


@dataclass(frozen=True, slots=True)
class Deletion:
    """A deletion under way: the keys of the objects to delete, and the lead of a call recording, otherwise None."""

    objects: tuple[str, ...]
    lead: str | None = None


_DELETIONS = TypeAdapter(Deletion)


class Spool:
    """All sessions on one filesystem; every method blocks."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.temporaries = root / ".temporary"
        self.deleted_objects = root / ".late"
        self._deletions = root / ".deletions"
        self.claims = root / ".claims"

    def prepare(self) -> None:
        """Create the folders; raises OSError when the root can't be written."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.temporaries.mkdir(mode=0o700, exist_ok=True)
        self.deleted_objects.mkdir(mode=0o700, exist_ok=True)
        self._deletions.mkdir(mode=0o700, exist_ok=True)
        sync_directory(self.root)

    def session(self, key: SessionKey) -> SessionDirectory:
        """Return the directory of a session, whether it exists or not; the key's identifiers are already validated."""
        return SessionDirectory(key, self.root / key.tenant / key.session)

    def create_directory(self, key: SessionKey) -> SessionDirectory:
        """Return the directory of a session, created if it is new; not durable until its `sync_parents`."""
        session = self.session(key)
        session.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return session

    def create_session(self, key: SessionKey, metadata: SessionMetadata) -> bool:
        """Create a session with metadata, durably; returns False if it has metadata already."""
        session = self.create_directory(key)
        session.sync_parents()
        return session.write_metadata(metadata, self.temporaries)

    def sessions(self) -> Iterator[SessionDirectory]:
        """Yield the directories of all tenants' sessions, without holding all their names in memory."""
        for tenant in self.tenants():
            yield from self.sessions_of(tenant)

    def tenants(self) -> list[str]:
        """Return the tenants that have a directory here, also without sessions."""
        with os.scandir(self.root) as entries:  # no tenant's name has a dot
            return [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()]

    def sessions_of(self, tenant: str) -> Iterator[SessionDirectory]:
        """Yield the directories of one tenant's sessions."""
        folder = self.root / tenant
        with os.scandir(folder) if folder.is_dir() else nullcontext(()) as entries:
            for entry in entries:
                yield SessionDirectory(SessionKey(tenant, entry.name), folder / entry.name)

    def finish_session(self, session: SessionDirectory, result: Envelope) -> None:
        """Write the event that a session ended with; delete its chunks if the bucket now holds what was sent.

        What stays is a few hundred bytes, from which a second finalize is answered and a late chunk is rejected. After
        a failure the chunks stay as well, where they are the only copy.
        """
        self.write_result(session, result)
        if is_final(result):
            self.delete_chunks(session)

    def write_result(self, session: SessionDirectory, result: Envelope) -> None:
        """Write the event that a session ended with; its chunks stay."""
        write_durably(session.result, encode(result), self.temporaries)

    def delete_chunks(self, session: SessionDirectory) -> None:
        """Delete a session's chunks and nothing else."""
        for entry in list(os.scandir(session.path)):
            if entry.name.endswith(CHUNK_SUFFIX):
                Path(entry.path).unlink(missing_ok=True)

    def begin_deletion(self, session: SessionDirectory, deletion: Deletion) -> None:
        """Record a deletion durably, so that it is continued after a crash; the caller holds the session's lock.

        Called before the session is marked as deleted.
        """
        write_durably(self._deletion_path(session.key), _DELETIONS.dump_json(deletion), self.temporaries)

    def mark_deleted(self, session: SessionDirectory, lock: LockFile) -> None:
        """Mark a session as deleted, so that it accepts nothing more; the caller holds its `lock`. Idempotent."""
        if not session.deleted.exists():
            lock.bump_version()  # or a process that has the session in its cache would take it for open
            write_durably(session.deleted, b"", self.temporaries)

    def end_deletion(self, session: SessionDirectory) -> None:
        """Remove the record of a deletion, as it is complete; the marker in the session's directory stays."""
        self._deletion_path(session.key).unlink(missing_ok=True)

    def deletion(self, session: SessionDirectory) -> Deletion | None:
        """Return this session's deletion under way, or None."""
        try:
            return _DELETIONS.validate_json(self._deletion_path(session.key).read_bytes())
        except FileNotFoundError:
            return None

    def deletions(self) -> list[SessionDirectory]:
        """Return the sessions whose deletion is under way."""
        names = [entry.name.split(".") for entry in os.scandir(self._deletions)]
        return [self.session(SessionKey(tenant, session)) for tenant, session in names]

    def delete_files(self, session: SessionDirectory) -> int:
        """Delete a session's files, except the marker of its deletion and the two lock files, and sync the directory.

        Returns the number of chunks among them.
        """
        # Other processes may be waiting for the locks.
        remaining = {session.deleted.name, session.lock.name, session.work_lock.name}
        chunks = 0
        for entry in list(os.scandir(session.path)):
            if entry.name not in remaining:
                chunks += entry.name.endswith(CHUNK_SUFFIX)
                Path(entry.path).unlink(missing_ok=True)
        sync_directory(session.path)
        return chunks

    def remove_session(self, session: SessionDirectory, lock: LockFile) -> None:
        """Remove a session's directory with all its files; the caller holds its `lock` and knows that it has ended.

        The lock file is removed as well.
        """
        for entry in list(os.scandir(session.path)):
            if entry.name != session.lock.name:
                Path(entry.path).unlink(missing_ok=True)
        lock.remove(session.lock)
        with suppress(OSError):  # a process that waited for the lock made it anew, and finds an empty session
            session.path.rmdir()

    def free_disk_fraction(self) -> float:
        """Return the share of the disk that is free for this process, from 0 to 1."""
        disk = os.statvfs(self.root)
        return disk.f_bavail / disk.f_blocks if disk.f_blocks else 0.0

    def _deletion_path(self, key: SessionKey) -> Path:
        return self._deletions / f"{key.tenant}.{key.session}"


def is_final(result: Envelope) -> bool:
    """Whether the bucket holds what was sent, so that the chunks can be deleted and nothing will be retried."""
    match result.event:
        case AudioReady():
            return True
        case AudioFailed(original=original, retryable=retryable):
            return original is not None and not retryable
        case _:
            return False
