"""Writes a transcript in each response format of OpenAI's API."""

import math
import zlib
from collections.abc import Sequence
from dataclasses import replace

from starlette.responses import PlainTextResponse, Response

from services.analyzer.speech_to_text.request import ResponseFormat
from services.analyzer.speech_to_text.schemas import (
    DiarizedSegment,
    DiarizedTranscription,
    Transcription,
    Usage,
    VerboseSegment,
    VerboseTranscription,
)
from shared.domain.analysis import Transcript, TranscriptLine
from shared.domain.subtitles import subrip, web_vtt
from shared.http.responses import json_response

_SEEKS_PER_SECOND = 100
_LEAST_PROBABILITY = 1e-4
_LANGUAGES = {"en": "english"}
"""The verbose form names languages in English; a language without an entry is served as its tag."""


def transcription_response(
    transcript: Transcript, confidences: Sequence[float | None], seconds: float, wanted: ResponseFormat
) -> Response:
    """Return the transcript as the wanted format; `confidences` has the recogniser's for each line, 0 to 1."""
    match wanted:
        case ResponseFormat.TEXT:
            return PlainTextResponse(full_text(transcript.segments) + "\n")
        case ResponseFormat.SRT:
            return PlainTextResponse(subrip(_words_alone(transcript.segments)))
        case ResponseFormat.VTT:
            return PlainTextResponse(web_vtt(_words_alone(transcript.segments)), media_type="text/vtt")
        case ResponseFormat.VERBOSE_JSON:
            return json_response(_verbose(transcript, confidences, seconds))
        case ResponseFormat.DIARIZED_JSON:
            return json_response(_diarized(transcript, seconds))
        case ResponseFormat.JSON:
            return json_response(Transcription(text=full_text(transcript.segments), usage=_usage(seconds)))


def full_text(lines: Sequence[TranscriptLine]) -> str:
    """Return the words of all lines."""
    return " ".join(line.text for line in lines)


def _words_alone(lines: Sequence[TranscriptLine]) -> list[TranscriptLine]:
    """Return the lines without their speakers, whom OpenAI's subtitles do not name."""
    return [replace(line, speaker=None, channel=None) for line in lines]


def _verbose(transcript: Transcript, confidences: Sequence[float | None], seconds: float) -> VerboseTranscription:
    return VerboseTranscription(
        language=_LANGUAGES.get(transcript.language or "", transcript.language or "unknown"),
        duration=round(seconds, 3),
        text=full_text(transcript.segments),
        segments=tuple(
            VerboseSegment(
                id=number,
                seek=int(line.start * _SEEKS_PER_SECOND),
                start=line.start,
                end=line.end,
                text=line.text,
                avg_logprob=round(math.log(max(1.0 if sure is None else sure, _LEAST_PROBABILITY)), 4),
                compression_ratio=_compression_ratio(line.text),
            )
            for number, (line, sure) in enumerate(zip(transcript.segments, confidences, strict=True))
        ),
        usage=_usage(seconds),
    )


def diarized_segments(lines: Sequence[TranscriptLine]) -> tuple[DiarizedSegment, ...]:
    """Return the lines with their speakers: the channel, a guessed speaker, or `unknown`."""
    return tuple(
        DiarizedSegment(
            id=f"seg_{number:03d}",
            start=line.start,
            end=line.end,
            speaker=line.speaker or line.channel or "unknown",
            text=line.text,
        )
        for number, line in enumerate(lines)
    )


def _diarized(transcript: Transcript, seconds: float) -> DiarizedTranscription:
    return DiarizedTranscription(
        duration=round(seconds, 3),
        text=full_text(transcript.segments),
        segments=diarized_segments(transcript.segments),
        usage=_usage(seconds),
    )


def _usage(seconds: float) -> Usage:
    return Usage(seconds=math.ceil(seconds))


def _compression_ratio(text: str) -> float:
    """Return how much smaller the text gets by compression, as Whisper measures repetition."""
    content = text.encode()
    return round(len(content) / len(zlib.compress(content)), 3) if content else 1.0
