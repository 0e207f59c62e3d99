"""Safe filenames, the media type that an extension stands for, and whether a file's first bytes match it."""

import unicodedata
from mimetypes import MimeTypes
from types import MappingProxyType

from shared.audio.sniff import Container, sniff
from shared.domain.errors import InvalidInput

MAX_BYTES = 255
_MAX_GIVEN_CHARACTERS = 4096
_MAX_EXTENSION_BYTES = 16
_ALLOWED_SYMBOLS = {"-", "_", "."}


def safe_filename(name: str, *, room: int = 0) -> str:
    """Return `name` reduced to letters, digits, '-', '_' and '.', in at most 255 bytes of UTF-8 less `room`.

    Everything up to the last slash or backslash is dropped, and so are control, bidirectional and other invisible
    characters; every other character becomes '_'. A long name is cut before its extension. Raises InvalidInput if no
    letter or digit is left.
    """
    if len(name) > _MAX_GIVEN_CHARACTERS:
        raise InvalidInput(f"filename may have at most {_MAX_GIVEN_CHARACTERS} characters.", code="invalid_filename")
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    reduced = "".join(_reduce(character) for character in last).lstrip(".").strip()
    stem, dot, extension = reduced.rpartition(".")
    if not dot or len(extension.encode()) > _MAX_EXTENSION_BYTES:
        stem, dot, extension = reduced, "", ""
    stem = _cut(stem.strip("._") or "file" if dot else stem, MAX_BYTES - room - len((dot + extension).encode()))
    if not stem.strip("_"):
        raise InvalidInput("filename must hold at least one letter or digit.", code="invalid_filename")
    return f"{stem}{dot}{extension}"


def extension_of(name: str) -> str:
    """Return the lowercase extension without its dot, empty if there is none."""
    _, dot, extension = name.rpartition(".")
    return extension.lower() if dot else ""


def _reduce(character: str) -> str:
    if character.isalnum() or character in _ALLOWED_SYMBOLS:
        return character
    return "" if unicodedata.category(character).startswith("C") else "_"


def _cut(text: str, max_bytes: int) -> str:
    return text.encode()[:max_bytes].decode(errors="ignore")


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
_OTHER_TYPES = MimeTypes()  # Python's own table: the system's differs from machine to machine

_RECORDER_TYPES = {"application/ogg", "video/mp4", "video/webm"}  # recorders use these for plain audio, too

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
    """Return the media type of a name's extension, `application/octet-stream` for an unknown one."""
    return AUDIO_TYPES.get(extension_of(filename)) or _OTHER_TYPES.guess_type(filename)[0] or UNKNOWN_TYPE


def media_type_of_recording(filename: str) -> str:
    """Return the audio type of a name's extension; raises InvalidInput for any other extension."""
    media_type = AUDIO_TYPES.get(extension_of(filename))
    if media_type is None:
        raise InvalidInput(
            f"filename must end in one of {', '.join(sorted(AUDIO_TYPES))}.", code="unsupported_extension"
        )
    return media_type


def is_recording(media_type: str, filename: str) -> bool:
    """Whether a file is a recording by its media type, or by its extension for `application/octet-stream`."""
    plain = media_type.partition(";")[0].strip().lower()
    if plain == UNKNOWN_TYPE:
        return extension_of(filename) in AUDIO_TYPES
    return plain.startswith("audio/") or plain in _RECORDER_TYPES


def check_content_matches_name(filename: str, head: bytes) -> None:
    """Raise InvalidInput unless a recording's first bytes (up to 4,096) match its extension."""
    if sniff(head) not in _CONTAINERS[media_type_of_recording(filename)]:
        raise InvalidInput(
            f"The bytes are not what the name says: a file of type .{extension_of(filename)} was expected.",
            code="name_disagrees",
        )
