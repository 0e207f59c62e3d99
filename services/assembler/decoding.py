"""Decodes a recording's streams one after another, into a file or as one stream of samples."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from services.assembler.chunk_files import ChunkFile
from shared.audio.decode import MAX_CHANNELS, Decoder
from shared.audio.decoded_file import DecodedFile
from shared.audio.ffmpeg_process import DecodePolicy
from shared.audio.pcm import BYTES_PER_SECOND, SAMPLE_RATE
from shared.audio.source import DecoderInput
from shared.audio.streams import StreamSegment
from shared.domain.errors import BadMedia
from shared.process.failpoints import failpoint


@dataclass(frozen=True, slots=True)
class RecordingDecoder:
    """Decodes a recording's streams, to a file or as an iterator.

    A stream that can't be decoded is left out if one before it gave samples; otherwise the recording fails. `warnings`
    collects what the caller is shown. Both methods raise BadMedia, also for 0 samples and for more than the policy's
    seconds over all streams together, and Unavailable.
    """

    policy: DecodePolicy
    temporaries: Path
    files: Sequence[ChunkFile]
    segments: Sequence[StreamSegment]
    warnings: list[str] = field(default_factory=list)

    async def decode_to_file(self, decoded: DecodedFile) -> None:
        """Decode all streams and append their samples to the file."""
        decoder = Decoder(self.policy, self.temporaries)
        for source in self._sources():
            first = decoded.frames == 0
            try:
                await decoded.append(decoder, source, self.policy.max_audio_seconds * SAMPLE_RATE)
                failpoint("assembler.decoding")
            except BadMedia as exc:
                self._skip_broken_stream(exc, first=first)
        self._finish(decoder, decoded.frames)

    async def decode(self) -> AsyncGenerator[bytes, None]:
        """Decode all streams and yield their samples as they come; raises NotMono, perhaps only at the end."""
        decoder = Decoder(self.policy, self.temporaries)
        limit = self.policy.max_audio_seconds
        size = 0
        for source in self._sources():
            first = size == 0
            try:
                async with aclosing(decoder.decode(source)) as pieces:
                    async for piece in pieces:
                        failpoint("assembler.decoding")
                        size += len(piece)
                        if size > limit * BYTES_PER_SECOND:
                            raise BadMedia(f"The audio is longer than {limit} seconds.", code="too_long")
                        yield piece
            except BadMedia as exc:
                self._skip_broken_stream(exc, first=first)
        self._finish(decoder, size)

    def _sources(self) -> Iterator[DecoderInput]:
        for segment in self.segments:
            assert segment.container is not None  # noqa: S101  # headerless PCM is always a whole session
            if segment.warning is not None:
                self.warnings.append(segment.warning)
            paths = [file.path for file in self.files[segment.first : segment.end]]
            yield DecoderInput(segment.container, paths, segment.ignore_length, segment.skip)

    def _skip_broken_stream(self, error: BadMedia, *, first: bool) -> None:
        if first or error.code != BadMedia.default_code:
            raise error
        self.warnings.append("A part of the recording is not audio and was left out.")

    def _finish(self, decoder: Decoder, size: int) -> None:
        if size == 0:
            raise BadMedia("There is no audio in the bytes.", code="no_audio")
        if decoder.damaged:
            self.warnings.append("Parts of the audio were damaged and were passed over.")
        if decoder.most_audio_streams > MAX_CHANNELS:
            self.warnings.append(f"The file has {decoder.most_audio_streams} audio tracks: the first two were taken.")
