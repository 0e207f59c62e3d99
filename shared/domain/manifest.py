"""The manifest of a finalized session: the list of its chunks, which is outbox record and the assembler's input."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from shared.domain.identifiers import SessionKey
from shared.domain.upload_kind import UploadKind
from shared.observability.trace import Trace

DEFAULT_CHANNEL_NAMES = ("left", "right")
"""The names of a recording's two channels where nobody has named them, the left one first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One stored chunk; `size` in bytes, `sha256` in hexadecimal."""

    index: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalLocation:
    """Where the original of a recording is stored, byte for byte as it was sent, beside its WAV.

    `in_bucket`: the client has uploaded it to the bucket already, and the session has no chunks.
    """

    object_key: str
    filename: str
    content_type: str
    in_bucket: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A session's chunks in order, and the request that finalized it.

    `opened_at` is empty in manifests of older versions; without an `original` only the WAV is stored.
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
        """The session's key."""
        return SessionKey(self.tenant, self.session)

    @property
    def trace(self) -> Trace:
        """The trace of the request that finalized the session, which all later work continues."""
        return Trace(self.request_id, self.traceparent)

    @property
    def channel_names(self) -> tuple[str, str]:
        """The names of the recording's channels, should it have two."""
        return DEFAULT_CHANNEL_NAMES

    @property
    def size(self) -> int:
        """The total size of all chunks in bytes."""
        return sum(chunk.size for chunk in self.chunks)


_ADAPTER = TypeAdapter(Manifest)


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest with the SHA-256 of the bytes that it was read from, which identifies it."""

    manifest: Manifest
    sha256: str


def dump_manifest(manifest: Manifest) -> bytes:
    """Write a manifest as JSON."""
    return _ADAPTER.dump_json(manifest)


def read_manifest(path: Path) -> StoredManifest:
    """Read a manifest from disk; raises FileNotFoundError, or ValueError if the file is not a manifest."""
    content = path.read_bytes()
    return StoredManifest(_ADAPTER.validate_json(content), hashlib.sha256(content).hexdigest())
