"""Transcribes a whole recording as its samples stream in, each channel on its own."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from services.analyzer.audio_piece import AudioPiece
from services.analyzer.one_behind import OneBehind
from services.analyzer.score.protocol import TranscribedRecording
from services.analyzer.score.sound.echo import echo_lines
from services.analyzer.score.sound.frame_meter import FrameMeter
from services.analyzer.score.sound.protocol import ChannelSound
from services.analyzer.score.sound.quality import sound_quality
from services.analyzer.transcribe.line_teller import LineTeller, OnLine
from services.analyzer.transcribe.pieces import PieceCutter
from services.analyzer.transcribe.protocol import Transcriber
from services.analyzer.transcribe.understanding import HeardPiece, Understanding, is_likely, understanding
from services.analyzer.transcribe.voice import VoiceDetector
from shared.audio.pcm import SAMPLE_BYTES, SAMPLE_RATE
from shared.domain.analysis import Transcript, TranscriptLine
from shared.domain.errors import BadMedia

MONO: Sequence[str | None] = (None,)
"""The channels' names of a recording with one channel."""

_NOISY = 15.0  # dB of speech over noise, below which noise may be why words are not understood
_FOREIGN_SHARE = 0.2  # of the speech: a side that says less, or whose music was taken for speech, is left out


@dataclass(frozen=True, slots=True)
class _HeardLine:
    """A line, how sure the model is of it, and the number of its piece."""

    line: TranscriptLine
    confidence: float | None
    likely: bool
    piece: int


@dataclass(slots=True)
class _Channel:
    """One channel on its way: what cuts and measures it, and what was understood."""

    name: str | None
    cutter: PieceCutter
    teller: LineTeller
    meter: FrameMeter = field(default_factory=FrameMeter)
    lines: list[_HeardLine] = field(default_factory=list)
    pieces: list[HeardPiece] = field(default_factory=list)
    languages: Counter[str] = field(default_factory=Counter)
    engines: dict[str, None] = field(default_factory=dict)  # in the order in which they were used
    notes: dict[str, None] = field(default_factory=dict)

    async def feed(self, samples: NDArray[np.int16]) -> list[AudioPiece]:
        self.meter.feed(samples)
        return await self.cutter.feed(samples.tobytes())

    def understood_lines(self, decision: Understanding) -> list[_HeardLine]:
        """Return the likely lines of pieces that are not strange; all of a foreign channel, none of an unclear one."""
        if decision.unclear:
            return []
        return [item for item in self.lines if decision.foreign or (item.likely and item.piece not in decision.strange)]


async def transcribe_recording(
    samples: AsyncIterator[bytes],
    transcriber: Transcriber,
    voice: VoiceDetector,
    channels: Sequence[str | None] = MONO,
    on_line: OnLine | None = None,
) -> TranscribedRecording:
    """Transcribe 16-bit little-endian PCM at 16 kHz, whose samples of all `channels` are interleaved.

    While a piece is transcribed the samples of the next are read: no faster, and in memory are at most one piece of
    each channel and the one at work. Raises BadMedia for 0 samples, and what the transcriber, the detector and
    `on_line` raise.
    """
    longest, pause = transcriber.longest_piece_seconds, transcriber.pause_seconds
    sides = [_Channel(name, PieceCutter(voice, longest=longest, pause=pause), LineTeller(on_line)) for name in channels]
    count = 0
    try:
        async with OneBehind() as behind:
            async for block in _whole_frames(samples, len(channels)):
                count += len(block)
                for number, side in enumerate(sides):
                    for piece in await side.feed(np.ascontiguousarray(block[:, number])):
                        await behind.start(_understand(side, piece, transcriber))
            for side in sides:
                for piece in await side.cutter.finish():
                    await behind.start(_understand(side, piece, transcriber))
    except Exception:
        for side in sides:
            await side.teller.tell_so_far(side.pieces)
        raise
    if count == 0:
        raise BadMedia("The recording is 0 seconds long.", code="empty_audio")
    recording = _recording(sides, transcriber, count / SAMPLE_RATE)
    for side in sides:
        await side.teller.finish(() if recording.foreign else recording.transcript.segments)
    return recording


def _recording(sides: Sequence[_Channel], transcriber: Transcriber, seconds: float) -> TranscribedRecording:
    channels = tuple(ChannelSound(side.name, side.meter.finish()) for side in sides)
    noisy = [_is_noisy(side, sound) for side, sound in zip(sides, channels, strict=True)]
    decisions = [understanding(side.pieces, seconds, noisy=noise) for side, noise in zip(sides, noisy, strict=True)]
    foreign = _share_of_foreign(sides, decisions) >= _FOREIGN_SHARE
    found = [
        item
        for side, decision in zip(sides, decisions, strict=True)
        if foreign or not decision.foreign
        for item in side.understood_lines(decision)
    ]
    found = sorted(
        (replace(item, line=_ending_in(item.line, seconds)) for item in found), key=lambda item: item.line.start
    )
    echoes = echo_lines([item.line for item in found], channels)
    found = [item for number, item in enumerate(found) if number not in echoes]
    unclear = not found and any(piece.tokens.count for side in sides for piece in side.pieces)
    return TranscribedRecording(
        transcript=Transcript(
            language=None if foreign or not found else _language(sides, transcriber),
            engine=" + ".join(_all_of(side.engines for side in sides)) or transcriber.name,
            partial=any(decision.partial or decision.foreign for decision in decisions),
            segments=tuple(item.line for item in found),
        ),
        confidences=tuple(item.confidence for item in found),
        channels=channels,
        seconds=seconds,
        foreign=foreign,
        unclear=unclear,
        coverage=min(decision.coverage for decision in decisions),
        notes=_all_of(side.notes for side in sides) + (("noisy",) if unclear and any(noisy) else ()),
    )


def _is_noisy(side: _Channel, sound: ChannelSound) -> bool:
    spoken = [TranscriptLine(start=piece.start, end=piece.end, text="", channel=side.name) for piece in side.pieces]
    return sound_quality(spoken, [sound]).snr < _NOISY


def _all_of(names: Iterable[Mapping[str, None]]) -> tuple[str, ...]:
    """Return each name of all channels once."""
    return tuple(dict.fromkeys(name for several in names for name in several))


def _share_of_foreign(sides: Sequence[_Channel], decisions: Sequence[Understanding]) -> float:
    """Return the share of all speech that is in channels whose language is not known."""
    seconds = [sum(piece.speech_seconds for piece in side.pieces) for side in sides]
    foreign = sum(length for length, decision in zip(seconds, decisions, strict=True) if decision.foreign)
    return foreign / sum(seconds) if foreign else 0.0


def _language(sides: Sequence[_Channel], transcriber: Transcriber) -> str | None:
    """Return the model's only language, or the one that it found in most of the speech."""
    if len(transcriber.languages) == 1:
        return transcriber.languages[0]
    found = sum((side.languages for side in sides), Counter[str]())
    return found.most_common(1)[0][0] if found else None


async def _whole_frames(samples: AsyncIterator[bytes], channels: int) -> AsyncIterator[NDArray[np.int16]]:
    """Yield blocks of whole frames, a row for each moment and a column for each channel."""
    rest = b""
    size = SAMPLE_BYTES * channels
    async for part in samples:
        content = rest + part if rest else part
        whole = len(content) - len(content) % size
        rest = content[whole:]
        yield np.frombuffer(content, "<i2", count=whole // SAMPLE_BYTES).reshape(-1, channels)


async def _understand(side: _Channel, piece: AudioPiece, transcriber: Transcriber) -> None:
    heard = await transcriber.transcribe(piece)
    side.engines[heard.engine or transcriber.name] = None
    side.notes.update(dict.fromkeys(heard.notes))
    if heard.language is not None:
        side.languages[heard.language] += round(piece.speech_seconds * 1000)
    for number, line in enumerate(heard.lines):
        placed = _in_recording(line, piece, side.name)
        if placed.text:
            sure = heard.confidences[number] if heard.confidences else None
            side.lines.append(_HeardLine(placed, sure, is_likely(heard, number), len(side.pieces)))
            if side.lines[-1].likely:
                side.teller.add(placed)
    side.pieces.append(HeardPiece.of(piece, heard))
    await side.teller.tell(side.pieces)


def _ending_in(line: TranscriptLine, seconds: float) -> TranscriptLine:
    """Return the line, which ends with the recording at the latest: a detector notices late that it is over."""
    return line if line.end <= seconds else replace(line, start=min(line.start, seconds), end=seconds)


def _in_recording(line: TranscriptLine, piece: AudioPiece, channel: str | None) -> TranscriptLine:
    """Return the line with seconds from the recording's start, clamped to its piece: models overshoot."""
    start = min(max(line.start, 0.0), piece.seconds)
    end = min(max(line.end, start), piece.seconds)
    return replace(
        line,
        start=round(max(piece.start + start, 0.0), 3),
        end=round(max(piece.start + end, 0.0), 3),
        text=" ".join(line.text.split()),
        channel=channel,
        speaker=channel,
        speaker_source=None if channel is None else "channel",
    )
