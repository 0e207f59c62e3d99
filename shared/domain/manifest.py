"""What a finalized recording consists of: the file that is both the outbox record and the assembler's order."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from shared.domain.identifiers import SessionKey
from shared.domain.upload_kind import UploadKind
from shared.observability.trace import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One stored chunk; `size` in bytes, `sha256` in hexadecimal."""

    index: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalLocation:
    """Where the recording is kept byte for byte as it was sent, beside its WAV.

    `in_bucket`: its client has put it there already, and the session has no chunks.
    """

    object_key: str
    filename: str
    content_type: str
    in_bucket: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A session's chunks in order, and the request that finalized it.

    `opened_at` is empty in manifests of older versions; without an `original` only the WAV is kept.
    """

    tenant: str
    session: str
    chunks: tuple[Chunk, ...]
    request_id: str
    traceparent: str
    finalized_at: str
    opened_at: str = ""
    purpose: UploadKind | None = None
    original: OriginalLocation | None = None

    @property
    def key(self) -> SessionKey:
        """Whose recording this is."""
        return SessionKey(self.tenant, self.session)

    @property
    def trace(self) -> Trace:
        """The request that everything after belongs to."""
        return Trace(self.request_id, self.traceparent)

    @property
    def size(self) -> int:
        """Bytes of all chunks together."""
        return sum(chunk.size for chunk in self.chunks)


_ADAPTER = TypeAdapter(Manifest)


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest together with the SHA-256 of the bytes it was read from, which is its identity."""

    manifest: Manifest
    sha256: str


def dump_manifest(manifest: Manifest) -> bytes:
    """Write a manifest as JSON."""
    return _ADAPTER.dump_json(manifest)


def read_manifest(path: Path) -> StoredManifest:
    """Read a manifest from disk; raises FileNotFoundError, or ValueError for a file that is not one."""
    content = path.read_bytes()
    return StoredManifest(_ADAPTER.validate_json(content), hashlib.sha256(content).hexdigest())
