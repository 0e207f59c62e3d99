"""What was said in a recording and how heated it was: the transcript and the analysis, as stored and as served.

Times are seconds from the recording's start. `channel` is the name of one side of a recording with two channels, None
where there is only one. Members may be added; readers ignore those that they do not know.
"""

from dataclasses import dataclass
from typing import Literal

LANGUAGE_NOT_SUPPORTED = "language_not_supported"
"""Reason code, and code of `analysis.failed`, where the speech is in a language that the models do not understand."""

SpeakerSource = Literal["channel", "guessed"]
"""Whether a line's speaker is known by its channel, or was guessed from the voices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptLine:
    """Something that one speaker said without a long pause.

    `speaker` is the name of its channel, or a number in the order of first words that was guessed from the voices;
    `speaker_source` says which of both, and is None where there is no speaker.
    """

    start: float
    end: float
    text: str
    channel: str | None = None
    speaker: str | None = None
    speaker_source: SpeakerSource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """The lines of a recording in the order in which they begin.

    `language` is a tag of BCP 47 such as `en`, or None where it is not known; `engine` names the speech model.
    `partial` says that some speech was heard and not understood.
    """

    language: str | None
    engine: str
    partial: bool = False
    segments: tuple[TranscriptLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A reason for the temperature: what was said when, and which reason code it stands for.

    `quote` is the line or a part of it, word for word; it is empty where the voice alone is the reason.
    """

    start: float
    end: float
    channel: str | None
    quote: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineWindow:
    """The temperature of a stretch of the conversation, of one channel or (None) of all."""

    start: float
    end: float
    temperature: int
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelAnalysis:
    """One side of a conversation; `interruptions` counts how often it took the word while the other was speaking."""

    name: str
    temperature: int
    talk_seconds: float
    talk_share: float
    overlap_seconds: float
    interruptions: int
    longest_monologue_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """How heated a conversation was, and why.

    `temperature` is 1 (routine, cordial) to 100 (threats, shouting); `confidence`, 0 to 1, grows with the evidence;
    `reason_codes` are stable words for programs, `summary` is a sentence or two for people. `needs_review` says that
    two ways of scoring came to very different results. `channels` is empty where there is one channel only.
    """

    temperature: int
    confidence: float
    summary: str
    scorer: str
    reason_codes: tuple[str, ...] = ()
    needs_review: bool = False
    evidence: tuple[Evidence, ...] = ()
    timeline: tuple[TimelineWindow, ...] = ()
    channels: tuple[ChannelAnalysis, ...] = ()
    silence_seconds: float = 0.0
