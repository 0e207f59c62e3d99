"""Sums up each side of a recording with two channels: its temperature, and how it took part in the conversation."""

from collections.abc import Sequence

from services.analyzer.score.fusion import LineHeat
from services.analyzer.score.sound.turns import Turns
from services.analyzer.score.temperature import Thermometer
from shared.domain.analysis import ChannelAnalysis


def channel_analyses(heats: Sequence[LineHeat], talk: Turns, thermometer: Thermometer) -> tuple[ChannelAnalysis, ...]:
    """Return one summary a channel, in the recording's order; none for a recording with a single channel.

    The temperature of a channel in which nobody speaks is 1.
    """
    summaries = []
    for side in talk.sides:
        own = [item for item in heats if item.line.channel == side.name]
        words = [float(item.word_count) for item in own]
        summaries.append(
            ChannelAnalysis(
                name=side.name,
                temperature=thermometer.temperature([item.heat for item in own], words) if own else 1,
                talk_seconds=side.talk_seconds,
                talk_share=side.talk_share,
                overlap_seconds=side.overlap_seconds,
                interruptions=side.interruptions,
                longest_monologue_seconds=side.longest_monologue_seconds,
            )
        )
    return tuple(summaries)
