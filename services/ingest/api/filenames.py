"""Which media type an audio file's name stands for, and whether its first bytes agree."""

import unicodedata
from mimetypes import MimeTypes
from types import MappingProxyType

from shared.audio.sniff import Container, sniff
from shared.domain.errors import InvalidInput

MAX_BYTES = 255
_LONGEST_GIVEN = 4096
_LONGEST_EXTENSION = 16
_KEPT = {"-", "_", "."}


def safe_filename(name: str, *, room: int = 0) -> str:
    """Return `name` reduced to letters, digits, '-', '_' and '.', in at most 255 bytes of UTF-8 less `room`.

    Only what follows the last slash or backslash counts; control characters, marks that change the direction of
    writing and other invisible ones are dropped, everything else becomes '_'. The extension survives a cut. Raises
    InvalidInput where nothing is left.
    """
    if len(name) > _LONGEST_GIVEN:
        raise InvalidInput(f"filename may have at most {_LONGEST_GIVEN} characters.", code="invalid_filename")
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    kept = "".join(_kept(character) for character in last).lstrip(".").strip()
    stem, dot, extension = kept.rpartition(".")
    if not dot or len(extension.encode()) > _LONGEST_EXTENSION:
        stem, dot, extension = kept, "", ""
    stem = _cut(stem.strip("._") or "file" if dot else stem, MAX_BYTES - room - len((dot + extension).encode()))
    if not stem.strip("_"):
        raise InvalidInput("filename must hold at least one letter or digit.", code="invalid_filename")
    return f"{stem}{dot}{extension}"


def extension_of(name: str) -> str:
    """Return what follows the last dot in lower case, empty if there is none."""
    _, dot, extension = name.rpartition(".")
    return extension.lower() if dot else ""


def _kept(character: str) -> str:
    if character.isalnum() or character in _KEPT:
        return character
    return "" if unicodedata.category(character).startswith("C") else "_"


def _cut(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode(errors="ignore")


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


def media_type_of_recording(filename: str) -> str:
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


def check_content_matches_name(filename: str, head: bytes) -> None:
    """Raise InvalidInput unless a recording's first bytes (up to 4,096) are what its name says."""
    if sniff(head) not in _CONTAINERS[media_type_of_recording(filename)]:
        raise InvalidInput(
            f"The bytes are not what the name says: a file of type .{extension_of(filename)} was expected.",
            code="name_disagrees",
        )
