"""The keys of the objects in the bucket: a tenant's start with its name, except the default tenant's recordings.

audio_<session>.wav                            the WAV
analysis_<session>.json                        its transcript and analysis
channels_<session>.flac                        both channels of a recording whose channels are not the same
uploads/<session>/<file name>                  the original of an indexed upload
<RECORDINGS_PATH>/<call log>_<time>.<ext>      the original of a call recording
<tenant>/documents/<time>_<random>_<name>      a document, uploaded there by its client
.roomtone/<tenant>/<session>/<event>.json      an archived event; no tenant's name has a dot
.roomtone/<tenant>/<session>/bought/<sha256>   an answer of the model service, until the result is stored
"""

from shared.domain.identifiers import DEFAULT_TENANT, SessionKey

_EVENT_ARCHIVE = ".roomtone"


def tenant_key(tenant: str, path: str) -> str:
    """Return the object key of a `path` within a tenant."""
    return path if tenant == DEFAULT_TENANT else f"{tenant}/{path}"


def path_within_tenant(tenant: str, key: str) -> str:
    """Return the path within the tenant of an object key that `tenant_key` made."""
    return key if tenant == DEFAULT_TENANT else key.removeprefix(f"{tenant}/")


def wav_name(key: SessionKey) -> str:
    """Return the file name of a session's WAV."""
    return f"audio_{key.session}.wav"


def wav_key(key: SessionKey) -> str:
    """Return the object key of a session's WAV."""
    return tenant_key(key.tenant, wav_name(key))


def result_key(key: SessionKey) -> str:
    """Return the object key of a session's transcript and analysis."""
    return tenant_key(key.tenant, f"analysis_{key.session}.json")


def channels_key(key: SessionKey) -> str:
    """Return the object key of the two channels of a session's recording, which only some recordings have."""
    return tenant_key(key.tenant, f"channels_{key.session}.flac")


def upload_key(key: SessionKey, filename: str) -> str:
    """Return the object key of an indexed upload's original; `filename` is sanitised already."""
    return tenant_key(key.tenant, f"uploads/{key.session}/{filename}")


def documents_prefix(tenant: str) -> str:
    """Return the prefix of the keys of a tenant's documents, which has the default tenant's name as well."""
    return f"{tenant}/documents/"


def event_archive_prefix(key: SessionKey | None = None) -> str:
    """Return the prefix of the keys of a session's archived events, or of every session's."""
    return f"{_EVENT_ARCHIVE}/" if key is None else f"{_EVENT_ARCHIVE}/{key.tenant}/{key.session}/"


def event_archive_key(key: SessionKey, event: str) -> str:
    """Return the key of a session's archived event of this name; a later one replaces it."""
    return f"{event_archive_prefix(key)}{event}.json"


def is_archived_event(name: str) -> bool:
    """Whether an object key under the archive's prefix is that of an event."""
    return name.count("/") == event_archive_key(SessionKey("t", "s"), "e").count("/")


def bought_answers_prefix(key: SessionKey) -> str:
    """Return the prefix of the keys of what the model service answered about a session."""
    return f"{event_archive_prefix(key)}bought/"


def bought_answer_key(key: SessionKey, digest: str) -> str:
    """Return the key of an answer of the model service; `digest` is the SHA-256 of what was asked."""
    return f"{bought_answers_prefix(key)}{digest}"
