"""Transcribes a whole recording as its samples stream in, each channel on its own."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from services.analyzer.score.protocol import TranscribedRecording
from services.analyzer.score.sound.frame_meter import FrameMeter
from services.analyzer.score.sound.protocol import ChannelSound
from services.analyzer.splitter import AudioPiece, AudioSplitter
from services.analyzer.transcribe.protocol import Transcriber
from shared.audio.pcm import SAMPLE_BYTES, SAMPLE_RATE
from shared.domain.analysis import Transcript, TranscriptLine
from shared.domain.errors import BadMedia

OnLine = Callable[[TranscriptLine], Awaitable[None]]
"""Is told of each line as soon as it is understood; the lines of two channels may come out of order."""

MONO: Sequence[str | None] = (None,)
"""The channels' names of a recording with one channel."""

_LANGUAGE = "en"


@dataclass(slots=True)
class _Channel:
    """One channel on its way: what splits and measures it, and what was understood."""

    name: str | None
    splitter: AudioSplitter
    meter: FrameMeter = field(default_factory=FrameMeter)
    lines: list[TranscriptLine] = field(default_factory=list)

    def feed(self, samples: NDArray[np.int16]) -> Iterator[AudioPiece]:
        self.meter.feed(samples)
        yield from self.splitter.feed(samples.tobytes())


async def transcribe_recording(
    samples: AsyncIterator[bytes],
    transcriber: Transcriber,
    channels: Sequence[str | None] = MONO,
    on_line: OnLine | None = None,
) -> TranscribedRecording:
    """Transcribe 16-bit little-endian PCM at 16 kHz, whose samples of all `channels` are interleaved.

    Samples are read only as fast as they are transcribed, and at most one piece of each channel is in memory. Raises
    BadMedia for 0 samples, and what the transcriber and `on_line` raise.
    """
    sides = [_Channel(name, AudioSplitter(transcriber.longest_piece_seconds)) for name in channels]
    count = 0
    async for block in _whole_frames(samples, len(channels)):
        count += len(block)
        for number, side in enumerate(sides):
            for piece in side.feed(np.ascontiguousarray(block[:, number])):
                await _understand(side, piece, transcriber, on_line)
    for side in sides:
        for piece in side.splitter.finish():
            await _understand(side, piece, transcriber, on_line)
    if count == 0:
        raise BadMedia("The recording is 0 seconds long.", code="empty_audio")
    lines = sorted((line for side in sides for line in side.lines), key=lambda line: line.start)
    return TranscribedRecording(
        transcript=Transcript(language=_LANGUAGE, engine=transcriber.name, segments=tuple(lines)),
        confidences=(None,) * len(lines),
        channels=tuple(ChannelSound(side.name, side.meter.finish()) for side in sides),
        seconds=count / SAMPLE_RATE,
    )


async def _whole_frames(samples: AsyncIterator[bytes], channels: int) -> AsyncIterator[NDArray[np.int16]]:
    """Yield blocks of whole frames, a row for each moment and a column for each channel."""
    rest = b""
    size = SAMPLE_BYTES * channels
    async for part in samples:
        content = rest + part if rest else part
        whole = len(content) - len(content) % size
        rest = content[whole:]
        yield np.frombuffer(content, "<i2", count=whole // SAMPLE_BYTES).reshape(-1, channels)


async def _understand(side: _Channel, piece: AudioPiece, transcriber: Transcriber, on_line: OnLine | None) -> None:
    if piece.silent:
        return
    for line in await transcriber.transcribe(piece):
        placed = _in_recording(line, piece, side.name)
        if placed.text:
            side.lines.append(placed)
            if on_line is not None:
                await on_line(placed)


def _in_recording(line: TranscriptLine, piece: AudioPiece, channel: str | None) -> TranscriptLine:
    """Return the line with seconds from the recording's start, clamped to its piece: models overshoot."""
    start = min(max(line.start, 0.0), piece.seconds)
    end = min(max(line.end, start), piece.seconds)
    return replace(
        line,
        start=round(piece.start + start, 3),
        end=round(piece.start + end, 3),
        text=" ".join(line.text.split()),
        channel=channel,
        speaker_source=None if channel is None else "channel",
    )
