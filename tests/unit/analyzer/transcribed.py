"""Transcribed recordings without any recording: lines of given times, and sound of given levels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.analyzer.score.protocol import TranscribedRecording
from services.analyzer.score.sound.protocol import BAND_EDGES, FRAMES_PER_SECOND, ChannelSound, SoundFrames
from shared.domain.analysis import Transcript, TranscriptLine


def transcribed(
    lines: Sequence[TranscriptLine],
    *,
    seconds: float | None = None,
    levels: NDArray[np.float32] | None = None,
    language: str | None = "en",
) -> TranscribedRecording:
    """A mono recording; without `levels` all of it has one."""
    length = seconds if seconds is not None else max((line.end for line in lines), default=0.0)
    if levels is None:
        levels = np.full(round(length * FRAMES_PER_SECOND), -25, np.float32)
    return TranscribedRecording(
        transcript=Transcript(language=language, engine="written", segments=tuple(lines)),
        confidences=(None,) * len(lines),
        channels=(ChannelSound(None, frames_at(levels)),),
        seconds=length,
    )


def frames_at(levels: NDArray[np.float32]) -> SoundFrames:
    """The sound of a voice that keeps its pitch, at these levels."""
    flat = np.full(len(levels), 18, np.float32)
    bands = np.repeat(levels[:, None], len(BAND_EDGES) - 1, axis=1).astype(np.float16)
    return SoundFrames(levels, flat, np.full(len(levels), 0.9, np.float32), np.zeros(len(levels), np.float32), bands)
