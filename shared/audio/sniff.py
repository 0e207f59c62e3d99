"""Recognises audio containers by their first bytes."""

from dataclasses import dataclass
from enum import Enum

from shared.audio.not_audio import NotAudio, not_audio

SIGNATURE_BYTES = 4096  # of each chunk are inspected

_PCM_DECODERS = (
    "pcm_s16le,pcm_s24le,pcm_s32le,pcm_u8,pcm_f32le,pcm_f64le,pcm_mulaw,pcm_alaw,adpcm_ms,adpcm_ima_wav,gsm_ms"
)
_BIG_PCM_DECODERS = (
    "pcm_s8,pcm_u8,pcm_s16be,pcm_s24be,pcm_s32be,pcm_f32be,pcm_f64be,pcm_mulaw,pcm_alaw,pcm_s16le,adpcm_ima_qt"
)
_AAC_DECODERS = "aac,alac,mp3float,mp3,ac3"
_FREE_DECODERS = "libopus,opus,libvorbis,vorbis,flac"


class Container(Enum):
    """An accepted container or bare-frame stream: the one FFmpeg demuxer and the only decoders allowed for it."""

    WAV = ("wav", f"{_PCM_DECODERS},adpcm_yamaha,g722,g723_1,g726,g726le,mp3float,mp3,aac")
    W64 = ("w64", _PCM_DECODERS)
    MP3 = ("mp3", "mp3float,mp3")
    MP4 = ("mov", f"{_AAC_DECODERS},opus,libopus,flac,pcm_s16le,pcm_s16be,amrnb,amrwb")
    ADTS = ("aac", "aac")
    OGG = ("ogg", f"{_FREE_DECODERS},speex")
    WEBM = ("matroska", f"{_FREE_DECODERS},{_AAC_DECODERS},pcm_s16le,pcm_f32le")
    FLAC = ("flac", "flac")
    AMR = ("amr", "amrnb,amrwb,libopencore_amrnb,libopencore_amrwb")
    AIFF = ("aiff", _BIG_PCM_DECODERS)
    AU = ("au", _BIG_PCM_DECODERS)
    CAF = ("caf", f"{_PCM_DECODERS},{_BIG_PCM_DECODERS},{_AAC_DECODERS},opus,libopus,flac")

    def __init__(self, demuxer: str, decoders: str) -> None:
        self.demuxer = demuxer
        self.decoders = decoders

    @property
    def needs_seeking(self) -> bool:
        """Whether the container's index may come after the data that it describes (an M4A's `moov`, a CAF's `pakt`)."""
        return self in {Container.MP4, Container.CAF}


_TAG_HEADER = 10  # bytes
_MP4_BEGINNINGS = {b"ftyp", b"moov", b"mdat", b"wide", b"pnot"}  # the last four begin QuickTime files before 2001


_BEGINNINGS = {
    b"fLaC": Container.FLAC,
    b"\x1a\x45\xdf\xa3": Container.WEBM,
    b".snd": Container.AU,
    b"caff": Container.CAF,
}


def sniff(head: bytes) -> Container | NotAudio | None:
    """Return the type of a recording by its first bytes; None means no header of any kind, so headerless PCM.

    `head` is the first `SIGNATURE_BYTES` bytes of the recording, or all of them if it is shorter.
    """
    return file_signature(head) or _bare_frames(head) or not_audio(head) or _late_frames(head)


def file_signature(head: bytes) -> Container | None:  # one return a signature
    """Return the container whose file or stream starts with `head`, by a signature too long to occur by chance.

    The later pieces of a split container do not match: an Ogg page only at the start of its stream, an MP4 not
    at its `moof`, a WebM not at its clusters.
    """
    match head[:4]:
        case b"RIFF" | b"RF64" | b"BW64" if head[8:12] == b"WAVE":
            return Container.WAV
        case b"riff" if head[24:28] == b"wave":
            return Container.W64
        case b"OggS" if head[4:6] == b"\x00\x02":
            return Container.OGG
        case b"FORM" if head[8:12] in {b"AIFF", b"AIFC"}:
            return Container.AIFF
        case b"#!AM" if head[4:5] == b"R":
            return Container.AMR
        case _ if head[4:8] in _MP4_BEGINNINGS:
            return Container.MP4
        case _ if tag_size(head):
            return _behind_id3(head)
        case four_bytes:
            return _BEGINNINGS.get(four_bytes)


def tag_size(head: bytes) -> int:
    """Return the size of the ID3v2 tag that begins there with its header (its size is four times seven bits), or 0."""
    if head[:3] != b"ID3" or len(head) <= _TAG_HEADER or head[3] >= 0x05 or head[6] >= 0x80:  # noqa: PLR2004
        return 0
    return _TAG_HEADER + ((head[6] << 21) | (head[7] << 14) | (head[8] << 7) | head[9])


def _behind_id3(head: bytes) -> Container:
    """Return what follows an ID3v2 tag: a file with a signature of its own, ADTS frames, otherwise MP3."""
    behind = head[tag_size(head) :]
    container = None if tag_size(behind) else file_signature(behind)
    return container or (Container.ADTS if _adts_frame_size(behind) else Container.MP3)


_LONGEST_FRAME = 1441  # bytes of MP3: 320 kbit/s at 32 kHz; ADTS is shorter at any usual rate
_CONSECUTIVE_FRAMES = 3  # a sync word is 11 bits: samples look like one often, like three in a row never


def _bare_frames(head: bytes) -> Container | None:
    """Recognise a stream of bare frames (MP3, ADTS) by three consecutive frames, or by frames up to its very end."""
    return _frames_at(head, to_the_end=True)


def _late_frames(head: bytes) -> Container | None:
    """Recognise a stream that was joined within a frame: three frames in a row begin a little later."""
    at = head.find(b"\xff", 1)
    while 0 <= at < _LONGEST_FRAME:
        if (found := _frames_at(head[at:], to_the_end=False)) is not None:
            return found
        at = head.find(b"\xff", at + 1)
    return None


def _frames_at(head: bytes, *, to_the_end: bool) -> Container | None:
    """Return the stream of which three frames begin `head`, or, where asked for, fewer that reach its very end."""
    for container, frame_size in ((Container.MP3, _mp3_frame_size), (Container.ADTS, _adts_frame_size)):
        offset = frames = 0
        while frames < _CONSECUTIVE_FRAMES and (size := frame_size(head[offset : offset + 8])):
            offset += size
            frames += 1
        if frames == _CONSECUTIVE_FRAMES or (to_the_end and frames > 0 and offset == len(head)):
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
    `data_end` is where the samples end by the header of a WAV that starts the chunk, counted from its first byte.
    `skip` is the size of a tag before a WAV, whose demuxer knows none. There is one of these for every chunk of a
    session.
    """

    file: Container | None
    frames: Container | None
    data_end: int | None
    skip: int = 0


def read_signature(head: bytes) -> ChunkSignature:
    """Return the signature of a chunk by its first `SIGNATURE_BYTES` bytes."""
    file = file_signature(head)
    if file is not Container.WAV:
        return ChunkSignature(file, _bare_frames(head), None)
    skip = tag_size(head)
    data_end = _wav_data_end(head[skip:])
    return ChunkSignature(file, _bare_frames(head), None if data_end is None else skip + data_end, skip)


def _wav_data_end(head: bytes) -> int | None:
    """Return where the `data` chunk ends by its own size (RIFF); None if it is not in `head` or gives no size."""
    at = 12
    while (name := head[at : at + 4]) != b"data":
        if len(name) < 4:  # noqa: PLR2004
            return None
        size = int.from_bytes(head[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    size = int.from_bytes(head[at + 4 : at + 8], "little")
    return None if size in {0, 0xFFFFFFFF} else at + 8 + size
