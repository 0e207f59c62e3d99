"""Session directory."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from shared.domain.envelope import Envelope, decode
from shared.domain.identifiers import SessionKey
from shared.domain.manifest import StoredManifest, read_manifest
from shared.domain.upload_kind import UploadKind
from shared.storage.durable_files import sync_directory

_CHUNK = ".chunk"
_MANIFEST = "manifest.json"
_PUBLISHED = "published"
_RESULT = "result.json"
_OPENING = "opening.json"
_DELETED = "deleted"
_EXPIRED = "expired.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionMetadata:
    """What a client said when it opened a session, and when; times are RFC 3339."""

    purpose: UploadKind
    opened_at: str


_OPENINGS = TypeAdapter(SessionMetadata)


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
    def work_lock(self) -> Path:
        """The lock file that is held while the assembler works on the session."""
        return self.path / ".working"

    @property
    def deleted(self) -> Path:
        """The mark of a session that was deleted."""
        return self.path / _DELETED

    @property
    def expired(self) -> Path:
        """The record of an abandoned session that takes nothing more."""
        return self.path / _EXPIRED

    @property
    def manifest(self) -> Path:
        """The manifest's place, whether it is there or not."""
        return self.path / _MANIFEST

    @property
    def published(self) -> Path:
        """The marker that the bus has confirmed `session.finalized`, or `session.expired`."""
        return self.path / _PUBLISHED

    @property
    def result(self) -> Path:
        """The record of how the session ended."""
        return self.path / _RESULT

    def sync_parents(self) -> None:
        """Make the directory itself durable, whoever created it: that one may not have lived to do so."""
        sync_directory(self.path.parent)
        sync_directory(self.path.parent.parent)

    def names(self) -> frozenset[str]:
        """Return the names of all files of this session, the hidden ones too."""
        with os.scandir(self.path) as entries:
            return frozenset(entry.name for entry in entries)

    def sizes(self) -> dict[int, int]:
        """Return the size in bytes of each stored chunk by its index, in no particular order."""
        sizes = {}
        with os.scandir(self.path) as entries:
            for entry in entries:
                if entry.name.endswith(_CHUNK):
                    with suppress(FileNotFoundError):  # erased meanwhile
                        sizes[int(entry.name.removesuffix(_CHUNK))] = entry.stat(follow_symlinks=False).st_size
        return sizes

    def read_metadata(self) -> SessionMetadata | None:
        """Return what the session was opened for, or None for a raw one."""
        try:
            return _OPENINGS.validate_json((self.path / _OPENING).read_bytes())
        except FileNotFoundError:
            return None

    def read_manifest(self) -> StoredManifest | None:
        """Return the manifest, or None before finalize."""
        try:
            return read_manifest(self.manifest)
        except FileNotFoundError:
            return None

    def read_result(self) -> Envelope | None:
        """Return the event this session ended with, or None while it has not."""
        try:
            return decode(self.result.read_bytes())
        except FileNotFoundError:
            return None
