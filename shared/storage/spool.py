"""The spool: where chunks wait on disk, one directory a session, its state readable from a listing.

<spool>/.temporary/                   files being written
<spool>/.deletions/<tenant>.<session> deletions under way, to be gone on with after a crash
<spool>/.late/                        which documents must not come back through an old address
<spool>/.claims/                      paths in the bucket that are taken
<spool>/<tenant>/<session>/.lock      held while a name is given; counts the changes
                           .working         held while the assembler works on it
                           opening.json     what it is for, if its client said so before the first chunk
                           0000012.chunk
                           manifest.json    finalized: what the recording consists of
                           published        the bus knows of the manifest, or that it expired (its loss is harmless)
                           result.json      how it ended; after success the chunks are gone
                           expired.json     abandoned: nothing came for too long, the chunks are erased
                           deleted          all else is erased, for good

What ended, expired or was deleted goes altogether once the catalog alone may answer for it.
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
from shared.storage.session_directory import _CHUNK, _DELETED, _OPENING, _OPENINGS, SessionDirectory, SessionMetadata


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a deletion under way erases from the bucket, and whose call it was a recording of, None for what is none."""

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
        """Create the folders; raises OSError when the place can't be written."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.temporaries.mkdir(mode=0o700, exist_ok=True)
        self.deleted_objects.mkdir(mode=0o700, exist_ok=True)
        self._deletions.mkdir(mode=0o700, exist_ok=True)
        sync_directory(self.root)

    def session(self, key: SessionKey) -> SessionDirectory:
        """Return the place of a session, whether it is there or not; identifiers were checked at the edge."""
        return SessionDirectory(key, self.root / key.tenant / key.session)

    def create_directory(self, key: SessionKey) -> SessionDirectory:
        """Return the place of a session, created if it is new; `keep` it before telling anyone."""
        session = self.session(key)
        session.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return session

    def create_session(self, key: SessionKey, opening: SessionMetadata) -> bool:
        """Open a session for a purpose, durably; returns False if one has been given before."""
        session = self.create_directory(key)
        session.sync_parents()
        return write_durably(session.path / _OPENING, _OPENINGS.dump_json(opening), self.temporaries)

    def sessions(self) -> Iterator[SessionDirectory]:
        """Yield every session of every tenant, without holding their names all at once."""
        for tenant in self.tenants():
            yield from self.sessions_of(tenant)

    def tenants(self) -> list[str]:
        """Return who has or had sessions here."""
        with os.scandir(self.root) as entries:  # no tenant's name has a dot
            return [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()]

    def sessions_of(self, tenant: str) -> Iterator[SessionDirectory]:
        """Yield every session of one tenant."""
        folder = self.root / tenant
        with os.scandir(folder) if folder.is_dir() else nullcontext(()) as entries:
            for entry in entries:
                yield SessionDirectory(SessionKey(tenant, entry.name), folder / entry.name)

    def finish_session(self, session: SessionDirectory, outcome: Envelope) -> None:
        """Record how a session ended; erase its chunks if the bucket now holds what was sent.

        What stays is a few hundred bytes that answer a second finalize and refuse a late chunk. After a failure
        the chunks stay as well, where they are the only copy.
        """
        self.write_result(session, outcome)
        if is_final(outcome):
            self.erase_chunks(session)

    def write_result(self, session: SessionDirectory, outcome: Envelope) -> None:
        """Record how a session ended, and leave its chunks where they are."""
        write_durably(session.result, encode(outcome), self.temporaries)

    def erase_chunks(self, session: SessionDirectory) -> None:
        """Remove a session's chunks and nothing else."""
        for entry in list(os.scandir(session.path)):
            if entry.name.endswith(_CHUNK):
                Path(entry.path).unlink(missing_ok=True)

    def begin_deletion(self, session: SessionDirectory, deletion: Deletion) -> None:
        """Remember to erase a session and its objects, before it is marked; the caller holds its lock."""
        place = self._deletions / _deletion_name(session.key)
        write_durably(place, _DELETIONS.dump_json(deletion), self.temporaries)

    def mark_deleted(self, session: SessionDirectory, lock: LockFile) -> None:
        """Let a session take nothing more, whoever remembers it as open; the caller holds its `lock`. Again is fine."""
        if not session.deleted.exists():
            lock.bump_version()
            write_durably(session.deleted, b"", self.temporaries)

    def end_deletion(self, session: SessionDirectory) -> None:
        """Forget that there was something left to erase; the mark in the session's directory stays."""
        (self._deletions / _deletion_name(session.key)).unlink(missing_ok=True)

    def deletion(self, session: SessionDirectory) -> Deletion | None:
        """Return the deletion of this session that is under way, or None where none is."""
        try:
            return _DELETIONS.validate_json((self._deletions / _deletion_name(session.key)).read_bytes())
        except FileNotFoundError:
            return None

    def deletions(self) -> list[SessionDirectory]:
        """Return the sessions whose deletion was begun and not ended."""
        names = [entry.name.split(".") for entry in os.scandir(self._deletions)]
        return [self.session(SessionKey(tenant, session)) for tenant, session in names]

    def erase(self, session: SessionDirectory) -> int:
        """Remove everything of a session but its mark of deletion and the locks that others may wait for.

        Returns how many chunks there were.
        """
        chunks = 0
        for entry in list(os.scandir(session.path)):
            if entry.name not in {_DELETED, session.lock.name, session.work_lock.name}:
                chunks += entry.name.endswith(_CHUNK)
                Path(entry.path).unlink(missing_ok=True)
        sync_directory(session.path)
        return chunks

    def remove(self, session: SessionDirectory, lock: LockFile) -> None:
        """Leave nothing of a session; the caller holds its `lock`, which goes as well, and knows that it has ended."""
        for entry in list(os.scandir(session.path)):
            if entry.name != session.lock.name:
                Path(entry.path).unlink(missing_ok=True)
        lock.remove(session.lock)
        with suppress(OSError):  # somebody who waited for the lock is quicker, and finds an empty session
            session.path.rmdir()

    def free_disk_fraction(self) -> float:
        """Return the share of the disk that is free for us, from 0 to 1."""
        disk = os.statvfs(self.root)
        return disk.f_bavail / disk.f_blocks if disk.f_blocks else 0.0


def is_final(outcome: Envelope) -> bool:
    """Whether the bucket holds what was sent, so that the chunks are erased and there is nothing to try again."""
    match outcome.event:
        case AudioReady():
            return True
        case AudioFailed(original=original, retryable=retryable):
            return original is not None and not retryable
        case _:
            return False


def _deletion_name(key: SessionKey) -> str:
    return f"{key.tenant}.{key.session}"
