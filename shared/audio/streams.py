"""Splits a session's chunks into streams, each of one container."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from shared.audio.not_audio import NotAudio
from shared.audio.sniff import ChunkSignature, Container, sniff

CHUNK_HEAD_BYTES = 8
"""Name and size of a chunk of RIFF, as which bytes behind a WAV's samples are read."""

ReadBehind = Callable[[int, int], bytes]
"""Returns up to `CHUNK_HEAD_BYTES` bytes at an offset from the first byte of the chunk with a number."""

_PADDING = 16  # bytes behind the samples that are nothing
_SAMPLES_GO_ON = "The WAV's header says less than came: its samples were taken to the end."
_ANOTHER_FOLLOWS = "Another file follows in the same chunk and was left out: send each file as chunks of its own."


@dataclass(frozen=True, slots=True)
class StreamSegment:
    """Consecutive chunks, from `first` to before `end`, that form one stream; a container of None is headerless PCM.

    `ignore_length`: the length in its WAV header covers a first part only, and samples follow after that. `warning` is
    what the caller is told. `skip` are the bytes of a tag before a WAV.
    """

    container: Container | None
    first: int
    end: int
    ignore_length: bool = False
    warning: str | None = None
    skip: int = 0


def split_into_streams(
    first_bytes: bytes, signatures: Sequence[ChunkSignature], sizes: Sequence[int], read_behind: ReadBehind
) -> list[StreamSegment] | NotAudio:
    """Group consecutive chunks into streams; a chunk with a file signature starts a new stream.

    A chunk without a header continues the stream before it. So one rule covers headerless PCM, a container cut into
    pieces, and chunks that are each a whole file. `first_bytes` is the recording's first `SIGNATURE_BYTES` bytes;
    `signatures` and `sizes` (bytes) are those of the chunks, at least one; `read_behind` may block.
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
    segments = []
    for (first, container), end in zip(starts, ends, strict=True):
        size, read = sum(sizes[first:end]), partial(read_behind, first)
        signature = signatures[first]
        goes_on, warning = _behind(signature.data_end, size, read)
        segments.append(StreamSegment(container, first, end, goes_on, warning, signature.skip))
    return segments


def _starts_after(before: Container | None, signature: ChunkSignature) -> Container | None:
    """Return the container that starts a new segment: bare frames do as well, except within bare frames."""
    return signature.file or (None if before in {Container.MP3, Container.ADTS} else signature.frames)


def _behind(data_end: int | None, size: int, read: Callable[[int], bytes]) -> tuple[bool, str | None]:
    """Return whether the samples of a WAV go on behind the end that its header says, and what the caller is told.

    What follows are chunks that fit, or else more samples: recorders write the length into the header once, at the
    start or now and then, and may not come to the end of it. `size` is that of the whole stream in bytes.
    """
    if data_end is None or data_end + _PADDING >= size:
        return False, None
    behind = read(data_end)
    name, length = behind[:4], int.from_bytes(behind[4:], "little")
    if name in {b"RIFF", b"RF64"}:
        return False, _ANOTHER_FOLLOWS
    if len(behind) == CHUNK_HEAD_BYTES and _is_chunk_name(name) and data_end + CHUNK_HEAD_BYTES + length <= size:
        return False, None
    return True, _SAMPLES_GO_ON


def _is_chunk_name(name: bytes) -> bool:
    return all(0x20 <= byte < 0x7F for byte in name)  # noqa: PLR2004  # ASCII that is printed
