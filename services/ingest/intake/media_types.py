"""Which media type an audio file's name stands for, and whether its first bytes agree."""

from mimetypes import MimeTypes
from types import MappingProxyType

from services.ingest.intake.file_names import extension_of
from shared.audio.sniff import Container, sniff
from shared.errors import InvalidInput

AUDIO_TYPES = MappingProxyType(
    {
        "aac": "audio/aac",
        "mp3": "audio/mpeg",
        "m4a": "audio/mp4",
        "mp4": "audio/mp4",
        "wav": "audio/wav",
        "ogg": "audio/ogg",
        "oga": "audio/ogg",
        "opus": "audio/ogg",
        "flac": "audio/flac",
        "webm": "audio/webm",
        "amr": "audio/amr",
    }
)
UNKNOWN_TYPE = "application/octet-stream"
_OTHER_TYPES = MimeTypes()  # Python's own table: the machine's would make the answer depend on where we run

_WITH_AUDIO = {"application/ogg", "video/mp4", "video/webm"}  # what recorders call sound alone, too

_CONTAINERS = {
    "audio/aac": {Container.ADTS},
    "audio/mpeg": {Container.MP3},
    "audio/mp4": {Container.MP4},
    "audio/wav": {Container.WAV, Container.W64},
    "audio/ogg": {Container.OGG},
    "audio/flac": {Container.FLAC},
    "audio/webm": {Container.WEBM},
    "audio/amr": {Container.AMR},
}


def media_type_of(filename: str) -> str:
    """Return the media type that a name stands for, `application/octet-stream` for a name that says nothing."""
    return AUDIO_TYPES.get(extension_of(filename)) or _OTHER_TYPES.guess_type(filename)[0] or UNKNOWN_TYPE


def require_audio_name(filename: str) -> str:
    """Return the media type of a recording's name; raises InvalidInput for a name that is no recording's."""
    kind = AUDIO_TYPES.get(extension_of(filename))
    if kind is None:
        raise InvalidInput(
            f"filename must end in one of {', '.join(sorted(AUDIO_TYPES))}.", code="unsupported_extension"
        )
    return kind


def is_recording(media_type: str, filename: str) -> bool:
    """Whether a file may hold a conversation, by its type, or by its name where the type says nothing."""
    plain = media_type.partition(";")[0].strip().lower()
    if plain == UNKNOWN_TYPE:
        return extension_of(filename) in AUDIO_TYPES
    return plain.startswith("audio/") or plain in _WITH_AUDIO


def require_agreement(filename: str, head: bytes) -> None:
    """Raise InvalidInput unless a recording's first bytes (up to 4,096) are what its name says."""
    if sniff(head) not in _CONTAINERS[require_audio_name(filename)]:
        raise InvalidInput(
            f"The bytes are not what the name says: a file of type .{extension_of(filename)} was expected.",
            code="name_disagrees",
        )
