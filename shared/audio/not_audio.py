"""Recognises bytes that are surely no samples and no accepted container, so that they never become a WAV of noise.

Each kind says what the bytes are. Pieces of a container whose beginning never came are told by the structure inside
them, which repeats: three blocks or pages in a row do not occur by chance.
"""

from collections.abc import Callable
from enum import Enum


class NotAudio(Enum):
    """Recognised bytes that are not accepted as audio; the value completes "The bytes are …"."""

    PLAYLIST = "a playlist"
    PICTURE = "a picture"
    DOCUMENT = "a document or archive"
    TEXT = "text"
    VIDEO = "an AVI video"
    TRANSPORT_STREAM = "an MPEG transport stream"
    LATM = "AAC in LATM"
    WINDOWS_MEDIA = "Windows Media (ASF)"
    AC3 = "AC-3"
    LAYER_2 = "MPEG audio of layer I or II"
    WEBM_PIECE = "pieces of a WebM whose first piece, with its header, never came or is not the first"
    OGG_PIECE = "pieces of an Ogg whose first piece, with its header, never came or is not the first"
    MP4_PIECE = "pieces of an MP4 whose first piece, with its header, never came or is not the first"

    @property
    def code(self) -> str:
        """The error's code: `bad_media` for sound that can't be taken as it is, `not_audio` for everything else."""
        return "bad_media" if self in _SOUND else "not_audio"

    @property
    def message(self) -> str:
        """What the caller is told: what the bytes are, and what to send."""
        if self in _PIECES:
            return f"The bytes are {self.value}: send all pieces, in order, into a new session."
        return f"The bytes are {self.value}, not audio that is taken: send WAV, MP3, M4A, AAC, Ogg, WebM, FLAC or AMR."


_PIECES = frozenset({NotAudio.WEBM_PIECE, NotAudio.OGG_PIECE, NotAudio.MP4_PIECE})
_SOUND = _PIECES | {
    NotAudio.TRANSPORT_STREAM,
    NotAudio.LATM,
    NotAudio.WINDOWS_MEDIA,
    NotAudio.AC3,
    NotAudio.LAYER_2,
}

_SIGNATURES: tuple[tuple[bytes, NotAudio], ...] = (
    (b"%PDF-", NotAudio.DOCUMENT),
    (b"PK\x03\x04", NotAudio.DOCUMENT),
    (b"\x1f\x8b\x08", NotAudio.DOCUMENT),
    (b"\x89PNG\r\n\x1a\n", NotAudio.PICTURE),
    (b"\xff\xd8\xff\xe0\x00\x10JFIF", NotAudio.PICTURE),
    (b"GIF89a", NotAudio.PICTURE),
    (b"GIF87a", NotAudio.PICTURE),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", NotAudio.WINDOWS_MEDIA),
)

_TEXT_SIGNATURES: tuple[tuple[bytes, NotAudio], ...] = (  # in lower case; most are lists of what to play
    (b"#extm3u", NotAudio.PLAYLIST),
    (b"ffconcat version", NotAudio.PLAYLIST),
    (b"[playlist]", NotAudio.PLAYLIST),
    (b"[reference]", NotAudio.PLAYLIST),
    (b"<mpd", NotAudio.PLAYLIST),
    (b"<playlist", NotAudio.PLAYLIST),
    (b"<smil", NotAudio.PLAYLIST),
    (b"<asx", NotAudio.PLAYLIST),
    (b"v=0\no=", NotAudio.PLAYLIST),
    (b"v=0\r\no=", NotAudio.PLAYLIST),
    (b"rtsptext", NotAudio.PLAYLIST),
    (b"concat:", NotAudio.PLAYLIST),
    (b"http://", NotAudio.PLAYLIST),
    (b"https://", NotAudio.PLAYLIST),
    (b"file://", NotAudio.PLAYLIST),
    (b"<?xml", NotAudio.DOCUMENT),
    (b"<!doctype", NotAudio.DOCUMENT),
    (b"<html", NotAudio.DOCUMENT),
)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TEXT_HEAD_BYTES = 64  # more than the longest text signature
_LEAST_TEXT, _LEAST_DIFFERENT = 32, 8  # bytes, and different ones: a few that repeat may be samples
_IN_A_ROW = 3


def not_audio(head: bytes) -> NotAudio | None:
    """Return what a recording's first bytes (up to 4,096) are if they are surely not audio that is accepted."""
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return NotAudio.VIDEO
    text = head.removeprefix(_BYTE_ORDER_MARK).lstrip(b" \t\r\n")[:_TEXT_HEAD_BYTES].lower()
    for start, signatures in ((head, _SIGNATURES), (text, _TEXT_SIGNATURES)):
        for signature, kind in signatures:
            if start.startswith(signature):
                return kind
    return NotAudio.TEXT if _is_text(head) else next((kind for kind, test in _STRUCTURES if test(head)), None)


def _is_text(head: bytes) -> bool:
    """Whether bytes are UTF-8 without control characters; the last character may be cut."""
    if len(head) < _LEAST_TEXT or len(set(head)) < _LEAST_DIFFERENT:
        return False
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # a character has four bytes at most
            return False
        text = head[: error.start].decode()
    return all(sign.isprintable() or sign in "\t\r\n" for sign in text)


def _is_transport_stream(head: bytes) -> bool:
    """Whether packets of 188 bytes begin with their sync byte (ISO 13818-1, section 2.4.3.2)."""
    return all(head[188 * number : 188 * number + 1] == b"\x47" for number in range(_IN_A_ROW + 1))


def _is_latm(head: bytes) -> bool:
    """Whether frames of LOAS follow each other: 11 bits of sync, 13 of length (ISO 14496-3, section 1.7.2)."""

    def frame_size(at: int) -> int:
        if head[at : at + 1] != b"\x56" or len(head) < at + 3 or head[at + 1] & 0xE0 != 0xE0:  # noqa: PLR2004
            return 0
        return 3 + ((head[at + 1] & 0x1F) << 8 | head[at + 2])

    return _frames_follow(frame_size)


def _is_ac3(head: bytes) -> bool:
    """Whether frames of AC-3 follow each other, whose sizes differ by two bytes at most."""
    sync = b"\x0b\x77"
    if not head.startswith(sync):
        return False
    size = head.find(sync, 2)
    return size > 0 and sync in head[2 * size - 2 : 2 * size + 4]


def _is_layer_2(head: bytes) -> bool:
    """Whether the first four bytes of three frames of MPEG audio, layer I or II, are alike (ISO 11172-3)."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xF0 != 0xF0 or (head[1] >> 1) & 3 not in {2, 3}:  # noqa: PLR2004
        return False
    second = head.find(head[:2], 4)
    while second > 0:
        if any(head[at : at + 2] == head[:2] for at in (2 * second - 1, 2 * second, 2 * second + 1)):
            return True
        second = head.find(head[:2], second + 1)
    return False


def _has_webm_blocks(head: bytes) -> bool:
    """Whether somewhere three SimpleBlocks of one track follow each other, or a cluster begins (RFC 9559)."""
    if head.startswith(b"\x1f\x43\xb6\x75"):
        return True
    at = head.find(b"\xa3")
    while at >= 0:
        if _frames_follow(lambda offset: _simple_block_size(head, offset), at):
            return True
        at = head.find(b"\xa3", at + 1)
    return False


def _simple_block_size(head: bytes, at: int) -> int:
    """Return the size of the SimpleBlock of track 1 to 15 that begins there, or 0."""
    if len(head) < at + 6 or head[at] != 0xA3 or head[at + 1] == 0:  # noqa: PLR2004
        return 0
    octets = 9 - head[at + 1].bit_length()
    size = int.from_bytes(head[at + 1 : at + 1 + octets], "big") & ((1 << 7 * octets) - 1)
    track = head[at + 1 + octets : at + 2 + octets]
    return 1 + octets + size if b"\x81" <= track <= b"\x8f" and size > 4 else 0  # noqa: PLR2004


def _has_ogg_pages(head: bytes) -> bool:
    """Whether an Ogg page that is not the first of its stream begins somewhere (RFC 3533, section 6)."""
    at = head.find(b"OggS\x00")
    return at >= 0 and head[at + 5 : at + 6] in {b"\x00", b"\x01", b"\x04", b"\x05"}


def _is_mp4_piece(head: bytes) -> bool:
    """Whether a fragment of an MP4 begins there (ISO 14496-12, section 8.8)."""
    return head[4:8] in {b"moof", b"styp", b"sidx"}


def _frames_follow(size_of: Callable[[int], int], at: int = 0) -> bool:
    """Whether frames follow each other; `size_of` gives the size of the one that begins at an offset, or 0."""
    for _ in range(_IN_A_ROW):
        size = size_of(at)
        if not size:
            return False
        at += size
    return True


_STRUCTURES: tuple[tuple[NotAudio, Callable[[bytes], bool]], ...] = (
    (NotAudio.TRANSPORT_STREAM, _is_transport_stream),
    (NotAudio.LATM, _is_latm),
    (NotAudio.AC3, _is_ac3),
    (NotAudio.LAYER_2, _is_layer_2),
    (NotAudio.MP4_PIECE, _is_mp4_piece),
    (NotAudio.OGG_PIECE, _has_ogg_pages),
    (NotAudio.WEBM_PIECE, _has_webm_blocks),
)
