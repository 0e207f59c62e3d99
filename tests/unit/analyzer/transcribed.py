"""Transcribed recordings without any recording: lines of given times, and sound of given levels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.analyzer.score.protocol import TranscribedRecording
from services.analyzer.score.sound.protocol import (
    BAND_EDGES,
    FRAMES_PER_SECOND,
    SILENCE_LEVEL,
    ChannelSound,
    SoundFrames,
)
from shared.domain.analysis import Transcript, TranscriptLine

_SYLLABLE, _DIP = 10, 2  # frames


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
    """The sound of a voice that keeps its pitch: syllables at these levels, with dips between them."""
    syllables = np.where(np.arange(len(levels)) % _SYLLABLE < _DIP, levels - 35, levels).astype(np.float32)
    voiced = syllables > SILENCE_LEVEL
    pitch = np.where(voiced, 18, np.nan).astype(np.float32)
    bands = np.repeat(syllables[:, None], len(BAND_EDGES) - 1, axis=1).astype(np.float16)
    voicing = np.where(voiced, 0.9, 0).astype(np.float32)
    return SoundFrames(syllables, pitch, voicing, np.zeros_like(syllables), bands)
