"""Writes the lines of a transcript as plain text, SubRip (.srt) or WebVTT (.vtt).

SubRip has no specification: this is the form that ffmpeg and VLC read and write. WebVTT is W3C's (Candidate
Recommendation of April 2019, section 4). Before each line stands its speaker, or where that is not known its channel.
"""

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from shared.domain.analysis import TranscriptLine

_ROW = 42  # characters, as subtitles are usually set; a name before them is not counted
_ROWS = 2  # of one cue
_NOTE_SECONDS = 4.0
_SHORTEST = 1  # millisecond: a cue of WebVTT must end after it starts

# C0 and C1: a speech model never means them, and a line break would end a cue
_CONTROL_CHARACTERS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], " ")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(frozen=True, slots=True)
class _Cue:
    """What is shown from `start` to `end`, in milliseconds."""

    start: int
    end: int
    rows: tuple[str, ...]
    speaker: str | None


def plain_text(lines: Iterable[TranscriptLine], note: str | None = None) -> str:
    """Return one row for each line: `[0:07] agent: Good morning.`, with hours from the first on (`[1:00:07]`).

    A note about all of them stands in the first row, in brackets.
    """
    return ("" if note is None else f"[{note}]\n") + "".join(
        f"[{_clock(line.start)}] {_named(line.speaker, line.text)}\n" for line in _tidy(lines)
    )


def subrip(lines: Iterable[TranscriptLine], note: str | None = None) -> str:
    """Return a SubRip file, empty without lines.

    A line of more than two rows of 42 characters becomes several cues, which share its time by their characters. A note
    about all lines is shown over the first seconds, since the form has no place for remarks.
    """
    if note is not None:
        lines = [TranscriptLine(start=0.0, end=_NOTE_SECONDS, text=f"[{note}]"), *lines]
    return "".join(
        f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n"
        f"{_named(cue.speaker, _joined(cue.rows)).replace('-->', '->')}\n\n"  # there is no escape for an arrow
        for number, cue in enumerate(_cues(lines), 1)
    )


def web_vtt(lines: Iterable[TranscriptLine], note: str | None = None) -> str:
    """Return a WebVTT file, only its header without lines; cues as in `subrip`, their speakers as voice spans.

    A note about all lines is a comment block.
    """
    return (
        "WEBVTT\n\n"
        + ("" if note is None else f"NOTE {note}\n\n")
        + "".join(
            f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{_voice(cue.speaker)}"
            f"{_joined(cue.rows).translate(_ENTITIES)}\n\n"
            for cue in _cues(lines)
        )
    )


def _tidy(lines: Iterable[TranscriptLine]) -> Iterator[TranscriptLine]:
    """Yield the lines that have words, on one row each, with the name that is shown as their `speaker`."""
    for line in lines:
        name = _one_row(line.speaker or line.channel or "")
        if text := _one_row(line.text):
            yield replace(line, text=text, speaker=name or None)


def _one_row(text: str) -> str:
    return " ".join(text.translate(_CONTROL_CHARACTERS).split())


def _cues(lines: Iterable[TranscriptLine]) -> Iterator[_Cue]:
    for line in _tidy(lines):
        rows = textwrap.wrap(line.text, _ROW, break_on_hyphens=False)
        shown = [tuple(rows[first : first + _ROWS]) for first in range(0, len(rows), _ROWS)]
        start = round(line.start * 1000)
        length = max(round(line.end * 1000) - start, _SHORTEST * len(shown))
        characters, before = sum(map(len, rows)), 0
        for cue in shown:
            after = before + sum(map(len, cue))
            begins, ends = start + length * before // characters, start + length * after // characters
            yield _Cue(begins, max(ends, begins + _SHORTEST), cue, line.speaker)
            before = after


def _joined(rows: Iterable[str]) -> str:
    return "\n".join(rows)


def _named(speaker: str | None, text: str) -> str:
    return text if speaker is None else f"{speaker}: {text}"


def _voice(speaker: str | None) -> str:
    return "" if speaker is None else f"<v {speaker.translate(_ENTITIES)}>"


def _time(milliseconds: int, mark: str) -> str:
    """Write a time with two or more digits of hours: `01:02:03` and, after `mark`, the milliseconds."""
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{rest:03d}"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
