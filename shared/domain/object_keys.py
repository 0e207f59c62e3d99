"""Where things lie in the bucket: everything of a tenant under its name, save the default tenant's recordings.

audio_<session>.wav                            the WAV
uploads/<session>/<file name>                  an indexed upload, as it was sent
<RECORDINGS_PATH>/<call log>_<time>.<ext>      a call recording, as it was sent
<tenant>/documents/<time>_<random>_<name>      a document, put there by its client
.roomtone/<tenant>/<session>/<event>.json      what became of it; no tenant's name has a dot
"""

from shared.domain.identifiers import DEFAULT_TENANT, SessionKey

_CHRONICLE = ".roomtone"


def tenant_key(tenant: str, path: str) -> str:
    """Return the key of `path` among a tenant's objects."""
    return path if tenant == DEFAULT_TENANT else f"{tenant}/{path}"


def path_within_tenant(tenant: str, key: str) -> str:
    """Return the path that `of_tenant` made a key of."""
    return key if tenant == DEFAULT_TENANT else key.removeprefix(f"{tenant}/")


def wav_name(key: SessionKey) -> str:
    """Return the file name of a session's WAV."""
    return f"audio_{key.session}.wav"


def wav_key(key: SessionKey) -> str:
    """Return the object key of a session's WAV."""
    return tenant_key(key.tenant, wav_name(key))


def upload_key(key: SessionKey, filename: str) -> str:
    """Return the object key of an indexed upload; `filename` is safe already."""
    return tenant_key(key.tenant, f"uploads/{key.session}/{filename}")


def documents_prefix(tenant: str) -> str:
    """Return what the keys of a tenant's documents start with; the default tenant's name is spelt out here."""
    return f"{tenant}/documents/"


def event_archive_prefix(key: SessionKey | None = None) -> str:
    """Return what the keys of a session's kept events start with, or those of every session's."""
    return f"{_CHRONICLE}/" if key is None else f"{_CHRONICLE}/{key.tenant}/{key.session}/"


def event_archive_key(key: SessionKey, event: str) -> str:
    """Return where the last event of this name of a session is kept."""
    return f"{event_archive_prefix(key)}{event}.json"
