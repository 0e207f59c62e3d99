"""Where documents lie in the bucket, and what identifies them."""

import hashlib
import secrets
import unicodedata
from datetime import UTC, datetime

from services.ingest.api.filenames import MAX_BYTES, safe_filename
from shared.domain.identifiers import SessionKey
from shared.domain.object_keys import documents_prefix

_TIME = "%Y%m%d_%H%M%S"
_RANDOM_BYTES = 8
_ROOM = len("YYYYmmdd_HHMMSS_") + 2 * _RANDOM_BYTES + len("_")
_NEVER = {"/", "\\", "%"}


def new_object_key(tenant: str, filename: str, moment: datetime) -> str:
    """Return a key that nobody can guess for a new document; raises InvalidInput for a name that holds nothing."""
    name = safe_filename(filename, room=_ROOM)
    time = moment.astimezone(UTC).strftime(_TIME)
    return f"{documents_prefix(tenant)}{time}_{secrets.token_hex(_RANDOM_BYTES)}_{name}"


def is_object_key(tenant: str, key: str) -> bool:
    """Whether `key` can be one of a tenant's documents: one plain name right under its prefix."""
    prefix = documents_prefix(tenant)
    name = key.removeprefix(prefix)
    return (
        key.startswith(prefix)
        and name not in {"", ".", ".."}
        and len(name.encode()) <= MAX_BYTES
        and not any(letter in _NEVER or unicodedata.category(letter).startswith("C") for letter in name)
    )


def document_key(tenant: str, object_key: str) -> SessionKey:
    """Return a document's own key: the same for the same object, however often it is registered."""
    digest = hashlib.sha256(f"{tenant}\0{object_key}".encode()).hexdigest()
    return SessionKey(tenant, digest[:32])
