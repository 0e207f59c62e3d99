"""Object keys of documents in the bucket, and the session key derived from an object key."""

import hashlib
import secrets
import unicodedata
from datetime import UTC, datetime

from services.ingest.api.filenames import MAX_BYTES, safe_filename
from shared.domain.identifiers import SessionKey
from shared.domain.object_keys import documents_prefix

_TIME = "%Y%m%d_%H%M%S"
_RANDOM_BYTES = 8
_PREFIX_BYTES = len("YYYYmmdd_HHMMSS_") + 2 * _RANDOM_BYTES + len("_")
_FORBIDDEN = {"/", "\\", "%"}


def new_object_key(tenant: str, filename: str, moment: datetime) -> str:
    """Return an unguessable key for a new document; raises InvalidInput for a filename without letters and digits."""
    name = safe_filename(filename, room=_PREFIX_BYTES)
    time = moment.astimezone(UTC).strftime(_TIME)
    return f"{documents_prefix(tenant)}{time}_{secrets.token_hex(_RANDOM_BYTES)}_{name}"


def is_object_key(tenant: str, key: str) -> bool:
    """Whether `key` can be a document of the tenant: one plain name directly under the tenant's prefix."""
    prefix = documents_prefix(tenant)
    name = key.removeprefix(prefix)
    return (
        key.startswith(prefix)
        and name not in {"", ".", ".."}
        and len(name.encode()) <= MAX_BYTES
        and not any(letter in _FORBIDDEN or unicodedata.category(letter).startswith("C") for letter in name)
    )


def document_key(tenant: str, object_key: str) -> SessionKey:
    """Return a document's session key, derived from its object key: every registration of an object gets the same."""
    digest = hashlib.sha256(f"{tenant}\0{object_key}".encode()).hexdigest()
    return SessionKey(tenant, digest[:32])
