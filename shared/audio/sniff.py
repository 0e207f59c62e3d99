"""What bytes say they are: the containers we take, told from their first bytes alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

SIGNATURE_BYTES = 4096  # bytes of a chunk's beginning that are looked at

_PCM_DECODERS = (
    "pcm_s16le,pcm_s24le,pcm_s32le,pcm_u8,pcm_f32le,pcm_f64le,pcm_mulaw,pcm_alaw,adpcm_ms,adpcm_ima_wav,gsm_ms"
)
_AAC_DECODERS = "aac,alac,mp3float,mp3,ac3"
_FREE_DECODERS = "libopus,opus,libvorbis,vorbis,flac"


class Container(Enum):
    """A container as FFmpeg is told of it: the one demuxer and the only decoders it may use."""

    WAV = ("wav", _PCM_DECODERS)
    W64 = ("w64", _PCM_DECODERS)
    MP3 = ("mp3", "mp3float,mp3")
    MP4 = ("mov", f"{_AAC_DECODERS},opus,libopus,flac,pcm_s16le,pcm_s16be,amrnb,amrwb")
    ADTS = ("aac", "aac")
    OGG = ("ogg", _FREE_DECODERS)
    WEBM = ("matroska", f"{_FREE_DECODERS},{_AAC_DECODERS},pcm_s16le,pcm_f32le")
    FLAC = ("flac", "flac")
    AMR = ("amr", "amrnb,amrwb,libopencore_amrnb,libopencore_amrwb")

    def __init__(self, demuxer: str, decoders: str) -> None:
        self.demuxer = demuxer
        self.decoders = decoders

    @property
    def needs_seeking(self) -> bool:
        """Whether its index may come after what it describes (an M4A's `moov`)."""
        return self is Container.MP4


class NotAudio(Enum):
    """Bytes that are surely something, and surely not audio we take."""

    PLAYLIST = "a playlist"
    PICTURE = "a picture"
    DOCUMENT = "a document or archive"
    VIDEO = "an AVI video"


_REFUSED: tuple[tuple[bytes, NotAudio], ...] = (
    (b"%PDF-", NotAudio.DOCUMENT),
    (b"PK\x03\x04", NotAudio.DOCUMENT),
    (b"\x1f\x8b\x08", NotAudio.DOCUMENT),
    (b"\x89PNG\r\n\x1a\n", NotAudio.PICTURE),
    (b"\xff\xd8\xff\xe0\x00\x10JFIF", NotAudio.PICTURE),
    (b"GIF89a", NotAudio.PICTURE),
    (b"GIF87a", NotAudio.PICTURE),
)


_LISTS: tuple[tuple[bytes, NotAudio], ...] = (  # texts that name what is to be played, in lower case
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
_TEXT_HEAD = 64  # bytes, more than the longest beginning above


def sniff(head: bytes) -> Container | NotAudio | None:
    """Tell what a recording's first bytes are; None means no header of any kind, so headerless PCM.

    `head` is the beginning of the recording, up to `SIGNATURE_BYTES` bytes.
    """
    return file_signature(head) or _refused(head) or _bare_frames(head)


def file_signature(head: bytes) -> Container | None:  # one return a signature
    """Tell whether a whole file or stream begins here, by a signature too long to occur in samples by chance.

    The later pieces of a container cut up do not match: an Ogg page only at the beginning of its stream, an MP4 not
    at its `moof`, a WebM not at its clusters.
    """
    match head[:4]:
        case b"RIFF" | b"RF64" if head[8:12] == b"WAVE":
            return Container.WAV
        case b"riff" if head[24:28] == b"wave":
            return Container.W64
        case b"OggS" if head[4:6] == b"\x00\x02":
            return Container.OGG
        case b"fLaC":
            return Container.FLAC
        case b"\x1a\x45\xdf\xa3":
            return Container.WEBM
        case b"#!AM" if head[4:5] == b"R":
            return Container.AMR
        case _ if head[4:8] == b"ftyp":
            return Container.MP4
        case _ if head[:3] == b"ID3" and len(head) > 10 and head[3] < 0x05 and head[6] < 0x80:  # noqa: PLR2004
            return _behind_id3(head)
        case _:
            return None


def _behind_id3(head: bytes) -> Container:
    """Look behind an ID3v2 tag (its size is four times seven bits), where ADTS also may follow."""
    size = (head[6] << 21) | (head[7] << 14) | (head[8] << 7) | head[9]
    return Container.ADTS if _adts_frame(head[10 + size :]) else Container.MP3


def _refused(head: bytes) -> NotAudio | None:
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return NotAudio.VIDEO
    text = head.removeprefix(_BYTE_ORDER_MARK).lstrip(b" \t\r\n")[:_TEXT_HEAD].lower()
    return next(
        (kind for signature, kind in _REFUSED if head.startswith(signature)),
        next((kind for signature, kind in _LISTS if text.startswith(signature)), None),
    )


_CONSECUTIVE = 3  # a sync word is 11 bits: samples look like one often, like three in a row never


def _bare_frames(head: bytes) -> Container | None:
    """Recognise streams of bare frames (MP3, ADTS) by frames that follow each other exactly."""
    for container, frame_size in ((Container.MP3, _mp3_frame), (Container.ADTS, _adts_frame)):
        offset = found = 0
        while found < _CONSECUTIVE and (size := frame_size(head[offset : offset + 8])):
            offset += size
            found += 1
        if found == _CONSECUTIVE or (found > 0 and offset == len(head)):
            return container
    return None


_MP3_BITRATES = {  # kbit/s by index, layer III: MPEG 1, then MPEG 2 and 2.5 (ISO 11172-3, 13818-3)
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def _mp3_frame(header: bytes) -> int:
    """Return the size of the MP3 frame that starts here, or 0."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:  # noqa: PLR2004
        return 0
    version, layer = (header[1] >> 3) & 3, (header[1] >> 1) & 3
    bitrate, rate, padding = header[2] >> 4, (header[2] >> 2) & 3, (header[2] >> 1) & 1
    if version not in _MP3_RATES or layer != 1 or bitrate in {0, 15} or rate == 3:  # noqa: PLR2004
        return 0
    samples = 144 if version == 3 else 72  # noqa: PLR2004
    kilobits = _MP3_BITRATES[3 if version == 3 else 2][bitrate]  # noqa: PLR2004
    return samples * kilobits * 1000 // _MP3_RATES[version][rate] + padding


def _adts_frame(header: bytes) -> int:
    """Return the size of the ADTS frame that starts here (ISO 13818-7, 6.2), or 0."""
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:  # noqa: PLR2004
        return 0
    if (header[2] >> 2) & 0xF > 12:  # noqa: PLR2004  # sampling rates end there
        return 0
    size = ((header[3] & 3) << 11) | (header[4] << 3) | (header[5] >> 5)
    return size if size > 7 else 0  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class ChunkSignature:
    """What a chunk's first bytes tell; kept for every chunk, so it holds none of them.

    `file` is the container that surely begins here, `frames` the one whose bare frames begin here. `data_end` is
    where a WAV that begins here says its samples end, counted from its first byte.
    """

    file: Container | None
    frames: Container | None
    data_end: int | None


def read_signature(head: bytes) -> ChunkSignature:
    """Look at a chunk's first `SIGNATURE_BYTES` bytes."""
    file = file_signature(head)
    return ChunkSignature(file, _bare_frames(head), _wav_data_end(head) if file is Container.WAV else None)


def _wav_data_end(head: bytes) -> int | None:
    """Return where the `data` chunk ends by its own size; None if it is not in sight or does not know (RIFF)."""
    at = head.find(b"data", 12)
    size = int.from_bytes(head[at + 4 : at + 8], "little")
    return None if at < 0 or size in {0, 0xFFFFFFFF} else at + 8 + size


@dataclass(frozen=True, slots=True)
class StreamSegment:
    """Consecutive chunks, from `first` to before `end`, that make one stream; None is headerless PCM.

    `lying_length`: its WAV header speaks of its first chunks only, and the samples go on behind them.
    """

    container: Container | None
    first: int
    end: int
    ignore_length: bool = False


def split_into_streams(
    first_bytes: bytes, beginnings: Sequence[ChunkSignature], sizes: Sequence[int]
) -> list[StreamSegment] | NotAudio:
    """Cut a session's chunks into streams by their beginnings.

    A chunk that starts a file of its own begins a segment; one without a header continues the segment before it.
    So one rule covers headerless PCM, a container cut into pieces, and chunks that are each a whole file. `opening`
    is the recording's first `SIGNATURE_BYTES` bytes; `beginnings` and `sizes` (bytes) are the chunks', at least one.
    """
    kind = sniff(first_bytes)
    if isinstance(kind, NotAudio):
        return kind
    starts = [(0, kind)]
    if kind is not None:  # samples have no later beginnings: what looks like one there is chance
        for number, found in enumerate(beginnings[1:], start=1):
            if (container := _starts_after(starts[-1][1], found)) is not None:
                starts.append((number, container))
    ends = [number for number, _ in starts[1:]] + [len(beginnings)]
    return [
        StreamSegment(container, first, end, _header_ends_early(beginnings[first], sizes[first:end]))
        for (first, container), end in zip(starts, ends, strict=True)
    ]


def _starts_after(before: Container | None, found: ChunkSignature) -> Container | None:
    """Tell what begins behind a segment: bare frames too, unless that is what the segment is made of."""
    return found.file or (None if before in {Container.MP3, Container.ADTS} else found.frames)


def _header_ends_early(found: ChunkSignature, sizes: Sequence[int]) -> bool:
    """Whether a WAV's samples end by its header before its last chunk begins; what trails otherwise are tags."""
    return len(sizes) > 1 and found.data_end is not None and found.data_end <= sum(sizes[:-1])
