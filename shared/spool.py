"""The spool: where chunks wait on disk, one directory a session, its state readable from a listing.

<spool>/.temporary/                   files being written
<spool>/<tenant>/<session>/.lock      held while a name is given; counts the changes
                           0000012.chunk
                           manifest.json    finalized: what the recording consists of
                           published        the bus has confirmed the manifest (its loss is harmless)
                           result.json      how it ended; after success the chunks are gone
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shared.codec import Envelope, decode, encode
from shared.durable import sync_directory, write_durably
from shared.events import AudioReady
from shared.manifest import StoredManifest, read_manifest
from shared.subjects import SessionKey

_CHUNK = ".chunk"
_MANIFEST = "manifest.json"
_PUBLISHED = "published"
_RESULT = "result.json"


@dataclass(frozen=True, slots=True)
class SessionDirectory:
    """The files of one session."""

    key: SessionKey
    path: Path

    def exists(self) -> bool:
        """Whether any chunk of this session was ever stored here."""
        return self.path.is_dir()

    def chunk(self, index: int) -> Path:
        """Return where the chunk with this index lies."""
        return self.path / f"{index:07d}{_CHUNK}"

    @property
    def lock(self) -> Path:
        """The lock file that is held while a chunk or the manifest gets its name."""
        return self.path / ".lock"

    @property
    def manifest(self) -> Path:
        """The manifest's place, whether it is there or not."""
        return self.path / _MANIFEST

    @property
    def published(self) -> Path:
        """The marker that the bus has confirmed `session.finalized`."""
        return self.path / _PUBLISHED

    @property
    def result(self) -> Path:
        """The record of how the session ended."""
        return self.path / _RESULT

    def keep(self) -> None:
        """Make the directory itself durable, whoever created it: that one may not have lived to do so."""
        sync_directory(self.path.parent)
        sync_directory(self.path.parent.parent)

    def sizes(self) -> dict[int, int]:
        """Return the size in bytes of each stored chunk by its index, in no particular order."""
        with os.scandir(self.path) as entries:
            return {
                int(entry.name.removesuffix(_CHUNK)): entry.stat(follow_symlinks=False).st_size
                for entry in entries
                if entry.name.endswith(_CHUNK)
            }

    def read_manifest(self) -> StoredManifest | None:
        """Return the manifest, or None before finalize."""
        try:
            return read_manifest(self.manifest)
        except FileNotFoundError:
            return None

    def read_outcome(self) -> Envelope | None:
        """Return the event this session ended with, or None while it has not."""
        try:
            return decode(self.result.read_bytes())
        except FileNotFoundError:
            return None


class Spool:
    """All sessions on one filesystem; every method blocks."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.temporaries = root / ".temporary"

    def prepare(self) -> None:
        """Create the folders; raises OSError when the place can't be written."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.temporaries.mkdir(mode=0o700, exist_ok=True)
        sync_directory(self.root)

    def session(self, key: SessionKey) -> SessionDirectory:
        """Return the place of a session, whether it is there or not; identifiers were checked at the edge."""
        return SessionDirectory(key, self.root / key.tenant / key.session)

    def open(self, key: SessionKey) -> SessionDirectory:
        """Return the place of a session, created if it is new; `keep` it before telling anyone."""
        session = self.session(key)
        session.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return session

    def sessions(self) -> Iterator[SessionDirectory]:
        """Yield every session of every tenant."""
        for tenant in self.root.iterdir():
            if tenant.name != self.temporaries.name and tenant.is_dir():
                for session in tenant.iterdir():
                    yield SessionDirectory(SessionKey(tenant.name, session.name), session)

    def close_session(self, session: SessionDirectory, outcome: Envelope) -> None:
        """Record how a session ended; after success also erase its chunks, which the bucket now holds.

        What stays is a few hundred bytes that answer a second finalize and refuse a late chunk. After a failure
        the chunks stay as well: they are the only copy.
        """
        write_durably(session.result, encode(outcome), self.temporaries)
        if isinstance(outcome.event, AudioReady):
            for entry in list(os.scandir(session.path)):
                if entry.name.endswith(_CHUNK):
                    Path(entry.path).unlink(missing_ok=True)

    def free_fraction(self) -> float:
        """Return the share of the disk that is free for us, from 0 to 1."""
        disk = os.statvfs(self.root)
        return disk.f_bavail / disk.f_blocks if disk.f_blocks else 0.0
