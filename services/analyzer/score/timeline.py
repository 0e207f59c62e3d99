"""The temperature over time: one value for every window of the conversation, of all and of each channel."""

from collections.abc import Sequence

from services.analyzer.score.fusion import LineHeat
from services.analyzer.score.temperature import Thermometer
from shared.domain.analysis import TimelineWindow, TranscriptLine

WINDOW_SECONDS = 10.0

_ENOUGH_SECONDS = 1.0


def timeline(
    heats: Sequence[LineHeat], seconds: float, thermometer: Thermometer, *, channels: Sequence[str]
) -> tuple[TimelineWindow, ...]:
    """Return the windows in which somebody speaks, in order of time; first that of all, then those of each channel.

    A line counts in every window that it reaches into by a second or by half of it, with the words that fall there.
    """
    windows: list[TimelineWindow] = []
    begin = 0  # lines are in order of their start: earlier ones can't reach into later windows once they have ended
    for number in range(int(-(-seconds // WINDOW_SECONDS))):
        start, end = number * WINDOW_SECONDS, min((number + 1) * WINDOW_SECONDS, seconds)
        while begin < len(heats) and heats[begin].line.end <= start:
            begin += 1
        heard = [item for item in _until(heats[begin:], end) if _reaches_into(item.line, start, end)]
        for channel in (None, *channels):
            own = [item for item in heard if channel is None or item.line.channel == channel]
            if own:
                words = [item.word_count * _share(item.line, start, end) for item in own]
                value = thermometer.temperature([item.heat for item in own], words)
                windows.append(TimelineWindow(start=start, end=round(end, 3), temperature=value, channel=channel))
    return tuple(windows)


def _until(heats: Sequence[LineHeat], end: float) -> list[LineHeat]:
    found = []
    for item in heats:
        if item.line.start >= end:
            break
        found.append(item)
    return found


def _reaches_into(line: TranscriptLine, start: float, end: float) -> bool:
    """Whether so much of a line falls into a window that it says something of it; an end that laps over does not."""
    inside = min(line.end, end) - max(line.start, start)
    length = line.end - line.start
    return inside >= min(_ENOUGH_SECONDS, length / 2) and (inside > 0 or length <= 0)


def _share(line: TranscriptLine, start: float, end: float) -> float:
    """Return which share of a line falls into a window."""
    length = line.end - line.start
    return 1.0 if length <= 0 else (min(line.end, end) - max(line.start, start)) / length
