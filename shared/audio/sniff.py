"""Recognises audio containers by their first bytes, and splits a session's chunks into streams."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

SIGNATURE_BYTES = 4096  # of each chunk are inspected

_PCM_DECODERS = (
    "pcm_s16le,pcm_s24le,pcm_s32le,pcm_u8,pcm_f32le,pcm_f64le,pcm_mulaw,pcm_alaw,adpcm_ms,adpcm_ima_wav,gsm_ms"
)
_AAC_DECODERS = "aac,alac,mp3float,mp3,ac3"
_FREE_DECODERS = "libopus,opus,libvorbis,vorbis,flac"


class Container(Enum):
    """An accepted container or bare-frame stream: the one FFmpeg demuxer and the only decoders allowed for it."""

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
        """Whether the container's index may come after the data that it describes (an M4A's `moov`)."""
        return self is Container.MP4


class NotAudio(Enum):
    """Recognised file types that are not accepted as audio."""

    PLAYLIST = "a playlist"
    PICTURE = "a picture"
    DOCUMENT = "a document or archive"
    VIDEO = "an AVI video"


_NOT_AUDIO_SIGNATURES: tuple[tuple[bytes, NotAudio], ...] = (
    (b"%PDF-", NotAudio.DOCUMENT),
    (b"PK\x03\x04", NotAudio.DOCUMENT),
    (b"\x1f\x8b\x08", NotAudio.DOCUMENT),
    (b"\x89PNG\r\n\x1a\n", NotAudio.PICTURE),
    (b"\xff\xd8\xff\xe0\x00\x10JFIF", NotAudio.PICTURE),
    (b"GIF89a", NotAudio.PICTURE),
    (b"GIF87a", NotAudio.PICTURE),
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


def sniff(head: bytes) -> Container | NotAudio | None:
    """Return the type of a recording by its first bytes; None means no header of any kind, so headerless PCM.

    `head` is the first `SIGNATURE_BYTES` bytes of the recording, or all of them if it is shorter.
    """
    return file_signature(head) or _not_audio(head) or _bare_frames(head)


def file_signature(head: bytes) -> Container | None:  # one return a signature
    """Return the container whose file or stream starts with `head`, by a signature too long to occur by chance.

    The later pieces of a split container do not match: an Ogg page only at the start of its stream, an MP4 not
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
    """Return what follows an ID3v2 tag (its size is four times seven bits): ADTS frames, otherwise MP3."""
    size = (head[6] << 21) | (head[7] << 14) | (head[8] << 7) | head[9]
    return Container.ADTS if _adts_frame_size(head[10 + size :]) else Container.MP3


def _not_audio(head: bytes) -> NotAudio | None:
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return NotAudio.VIDEO
    text = head.removeprefix(_BYTE_ORDER_MARK).lstrip(b" \t\r\n")[:_TEXT_HEAD_BYTES].lower()
    return next(
        (kind for signature, kind in _NOT_AUDIO_SIGNATURES if head.startswith(signature)),
        next((kind for signature, kind in _TEXT_SIGNATURES if text.startswith(signature)), None),
    )


_CONSECUTIVE_FRAMES = 3  # a sync word is 11 bits: samples look like one often, like three in a row never


def _bare_frames(head: bytes) -> Container | None:
    """Recognise a stream of bare frames (MP3, ADTS) by three consecutive frames, or by frames up to its very end."""
    for container, frame_size in ((Container.MP3, _mp3_frame_size), (Container.ADTS, _adts_frame_size)):
        offset = frames = 0
        while frames < _CONSECUTIVE_FRAMES and (size := frame_size(head[offset : offset + 8])):
            offset += size
            frames += 1
        if frames == _CONSECUTIVE_FRAMES or (frames > 0 and offset == len(head)):
            return container
    return None


_MP3_BITRATES = {  # kbit/s by index, layer III: MPEG 1, then MPEG 2 and 2.5 (ISO 11172-3, 13818-3)
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def _mp3_frame_size(header: bytes) -> int:
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


def _adts_frame_size(header: bytes) -> int:
    """Return the size of the ADTS frame that starts here (ISO 13818-7, 6.2), or 0."""
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:  # noqa: PLR2004
        return 0
    if (header[2] >> 2) & 0xF > 12:  # noqa: PLR2004  # sampling rates end there
        return 0
    size = ((header[3] & 3) << 11) | (header[4] << 3) | (header[5] >> 5)
    return size if size > 7 else 0  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class ChunkSignature:
    """Which container or bare-frame stream starts with a chunk, and where its WAV data ends. Holds no bytes.

    `file` is the container whose file signature starts the chunk, `frames` the one whose bare frames start it.
    `data_end` is where the samples end by the header of a WAV that starts the chunk, counted from its first byte. There
    is one of these for every chunk of a session.
    """

    file: Container | None
    frames: Container | None
    data_end: int | None


def read_signature(head: bytes) -> ChunkSignature:
    """Return the signature of a chunk by its first `SIGNATURE_BYTES` bytes."""
    file = file_signature(head)
    return ChunkSignature(file, _bare_frames(head), _wav_data_end(head) if file is Container.WAV else None)


def _wav_data_end(head: bytes) -> int | None:
    """Return where the `data` chunk ends by its own size (RIFF); None if it is not in `head` or gives no size."""
    start = head.find(b"data", 12)
    size = int.from_bytes(head[start + 4 : start + 8], "little")
    return None if start < 0 or size in {0, 0xFFFFFFFF} else start + 8 + size


@dataclass(frozen=True, slots=True)
class StreamSegment:
    """Consecutive chunks, from `first` to before `end`, that form one stream; a container of None is headerless PCM.

    `ignore_length`: the length in its WAV header covers its first chunks only, and samples follow after that.
    """

    container: Container | None
    first: int
    end: int
    ignore_length: bool = False


def split_into_streams(
    first_bytes: bytes, signatures: Sequence[ChunkSignature], sizes: Sequence[int]
) -> list[StreamSegment] | NotAudio:
    """Group consecutive chunks into streams; a chunk with a file signature starts a new stream.

    A chunk without a header continues the stream before it. So one rule covers headerless PCM, a container cut into
    pieces, and chunks that are each a whole file. `first_bytes` is the recording's first `SIGNATURE_BYTES` bytes;
    `signatures` and `sizes` (bytes) are those of the chunks, at least one.
    """
    kind = sniff(first_bytes)
    if isinstance(kind, NotAudio):
        return kind
    starts = [(0, kind)]
    if kind is not None:  # headerless PCM has no later headers: what looks like one is chance
        for number, signature in enumerate(signatures[1:], start=1):
            if (container := _starts_after(starts[-1][1], signature)) is not None:
                starts.append((number, container))
    ends = [number for number, _ in starts[1:]] + [len(signatures)]
    return [
        StreamSegment(container, first, end, _header_ends_early(signatures[first], sizes[first:end]))
        for (first, container), end in zip(starts, ends, strict=True)
    ]


def _starts_after(before: Container | None, signature: ChunkSignature) -> Container | None:
    """Return the container that starts a new segment: bare frames do as well, except within bare frames."""
    return signature.file or (None if before in {Container.MP3, Container.ADTS} else signature.frames)


def _header_ends_early(signature: ChunkSignature, sizes: Sequence[int]) -> bool:
    """Whether a WAV's data ends, by its header, before its last chunk starts; otherwise what follows are tags."""
    return len(sizes) > 1 and signature.data_end is not None and signature.data_end <= sum(sizes[:-1])
