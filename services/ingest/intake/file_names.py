"""Names of files as clients give them, reduced to what can be a part of an object key."""

import unicodedata

from shared.errors import InvalidInput

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
