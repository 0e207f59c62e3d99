"""One session's directory in the spool: the names of its files, and how its metadata, manifest and result are read.

spool.py has the list of the files.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from shared.domain.envelope import Envelope, decode
from shared.domain.identifiers import SessionKey
from shared.domain.manifest import StoredManifest, read_manifest
from shared.domain.upload_kind import UploadKind
from shared.storage.durable_files import sync_directory, write_durably

CHUNK_SUFFIX = ".chunk"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionMetadata:
    """What a client stated when it opened a session, and when, in RFC 3339; written as `opening.json`."""

    purpose: UploadKind
    opened_at: str


_METADATA = TypeAdapter(SessionMetadata)


@dataclass(frozen=True, slots=True)
class SessionDirectory:
    """The directory of one session, whether it exists or not; every method but `chunk` blocks."""

    key: SessionKey
    path: Path

    def exists(self) -> bool:
        """Whether the directory exists: it does once the session was opened or a chunk was stored."""
        return self.path.is_dir()

    def chunk(self, index: int) -> Path:
        """Return the path of the chunk with this index."""
        return self.path / f"{index:07d}{CHUNK_SUFFIX}"

    @property
    def lock(self) -> Path:
        """The path of the lock file that is held while a chunk or the manifest gets its name."""
        return self.path / ".lock"

    @property
    def work_lock(self) -> Path:
        """The path of the lock file that is held while the assembler, a deletion or the reaper works on the session."""
        return self.path / ".working"

    @property
    def metadata(self) -> Path:
        """The path of the session metadata; a raw session has none."""
        return self.path / "opening.json"

    @property
    def deleted(self) -> Path:
        """The path of the marker of a deleted session."""
        return self.path / "deleted"

    @property
    def expired(self) -> Path:
        """The path of the record of an expired session, which accepts nothing more."""
        return self.path / "expired.json"

    @property
    def manifest(self) -> Path:
        """The path of the manifest."""
        return self.path / "manifest.json"

    @property
    def published(self) -> Path:
        """The path of the marker that the bus has confirmed `session.finalized`, or `session.expired`."""
        return self.path / "published"

    @property
    def result(self) -> Path:
        """The path of the event that the session ended with."""
        return self.path / "result.json"

    def sync_parents(self) -> None:
        """Make the names of the directory and of its tenant's directory durable."""
        # Also for a directory that another process created: it may have crashed before it did this.
        sync_directory(self.path.parent)
        sync_directory(self.path.parent.parent)

    def file_names(self) -> frozenset[str]:
        """Return the names of all files of this session, hidden ones included."""
        with os.scandir(self.path) as entries:
            return frozenset(entry.name for entry in entries)

    def chunk_sizes(self) -> dict[int, int]:
        """Return the size in bytes of each stored chunk by its index, in no particular order."""
        sizes = {}
        with os.scandir(self.path) as entries:
            for entry in entries:
                if entry.name.endswith(CHUNK_SUFFIX):
                    with suppress(FileNotFoundError):  # deleted meanwhile
                        sizes[int(entry.name.removesuffix(CHUNK_SUFFIX))] = entry.stat(follow_symlinks=False).st_size
        return sizes

    def write_metadata(self, metadata: SessionMetadata, temporaries: Path) -> bool:
        """Write the session metadata durably, through a file in `temporaries`; returns False if there is some already.

        The directory must exist.
        """
        return write_durably(self.metadata, _METADATA.dump_json(metadata), temporaries)

    def read_metadata(self) -> SessionMetadata | None:
        """Return the session metadata, or None for a raw session."""
        try:
            return _METADATA.validate_json(self.metadata.read_bytes())
        except FileNotFoundError:
            return None

    def read_manifest(self) -> StoredManifest | None:
        """Return the manifest, or None before finalize."""
        try:
            return read_manifest(self.manifest)
        except FileNotFoundError:
            return None

    def read_result(self) -> Envelope | None:
        """Return the event that the session ended with, or None while it has not ended."""
        try:
            return decode(self.result.read_bytes())
        except FileNotFoundError:
            return None
