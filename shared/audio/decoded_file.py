"""Decoded audio in an unnamed file: one WAV of one or two channels after the other, as FFmpeg wrote them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from shared.audio.decode import MAX_CHANNELS, Decoder
from shared.audio.downmix import Downmix, StereoBlock
from shared.audio.pcm import SAMPLE_BYTES, SAMPLE_RATE
from shared.audio.source import DecoderInput
from shared.audio.stereo import StereoComparison, StereoVerdict
from shared.audio.wav import HEADER_BYTES, decoded_channels

_BLOCK_FRAMES = 256 * 1024  # 1 MiB of two channels, 16 s


@dataclass(frozen=True, slots=True)
class DecodedStream:
    """Where the samples of one decoded stream lie in the file, in bytes, and how many channels they have."""

    offset: int
    frames: int
    channels: int


class DecodedFile:
    """A file that decoded streams are appended to, to be read together as one recording.

    Its owner opens and closes `fd`. The recording has two channels if one of its streams has: a mono stream is then
    the same on both sides.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.streams: list[DecodedStream] = []

    @property
    def frames(self) -> int:
        """Samples of one channel in all streams together."""
        return sum(stream.frames for stream in self.streams)

    @property
    def channels(self) -> int:
        """How many channels the recording has."""
        return max((stream.channels for stream in self.streams), default=1)

    async def append(self, decoder: Decoder, source: DecoderInput, max_frames: int) -> None:
        """Decode a source to the end of the file, until the recording has `max_frames`.

        Raises what `Decoder.decode_into` raises; the whole frames that were written before that are kept.
        """
        start, frames_left = os.lseek(self.fd, 0, os.SEEK_END), max_frames - self.frames
        try:
            await decoder.decode_into(source, self.fd, frames_left)
        finally:
            self._note_stream(start, frames_left)

    def _note_stream(self, start: int, max_frames: int) -> None:
        channels = decoded_channels(os.pread(self.fd, HEADER_BYTES, start))
        offset = start + HEADER_BYTES
        if channels is None:
            os.ftruncate(self.fd, start)
            return
        frames = min(max_frames, (os.fstat(self.fd).st_size - offset) // (channels * SAMPLE_BYTES))
        os.ftruncate(self.fd, offset + frames * channels * SAMPLE_BYTES)  # a decoder that died may leave half a frame
        if frames:
            self.streams.append(DecodedStream(offset, frames, channels))

    def compare_channels(self) -> StereoVerdict | None:
        """Compare the two channels over the whole recording, None if it has but one; blocks."""
        if self.channels == 1:
            return None
        comparison = StereoComparison(SAMPLE_RATE)
        for block in self._stereo_blocks():
            comparison.feed(block[:, 0], block[:, 1])
        return comparison.verdict()

    def mono(self, verdict: StereoVerdict | None) -> Iterator[bytes]:
        """Yield PCM, about 1 MiB at a time; two channels are mixed as their verdict asks for. Blocks."""
        if verdict is None:
            for stream in self.streams:
                yield from self._pieces(stream)
            return
        downmix = Downmix(verdict)
        for block in self._stereo_blocks():
            yield downmix.mix(block)

    def interleaved(self) -> Iterator[bytes]:
        """Yield the samples of both channels, left first, about 1 MiB at a time; blocks."""
        for block in self._stereo_blocks():
            yield block.tobytes()

    def _stereo_blocks(self) -> Iterator[StereoBlock]:
        for stream in self.streams:
            for piece in self._pieces(stream):
                samples = np.frombuffer(piece, "<i2").reshape(-1, stream.channels)
                yield samples if stream.channels == MAX_CHANNELS else np.repeat(samples, MAX_CHANNELS, axis=1)

    def _pieces(self, stream: DecodedStream) -> Iterator[bytes]:
        frame = stream.channels * SAMPLE_BYTES
        end = stream.offset + stream.frames * frame
        for offset in range(stream.offset, end, _BLOCK_FRAMES * frame):
            yield os.pread(self.fd, min(_BLOCK_FRAMES * frame, end - offset), offset)
