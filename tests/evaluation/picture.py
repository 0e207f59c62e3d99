"""Draws the ladders: one panel a topic, the temperature of each step, before and after."""

from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import matplotlib.pyplot as plt

from tests.evaluation.dialogues import load
from tests.evaluation.result import RunResult
from tests.evaluation.suites.ladders import by_topic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

mpl.use("Agg")  # draw into files, also where there is a screen

_COLUMNS = 5
_LINES = {  # suite: colour, label
    "ladders: text": ("#1f4e9c", "text"),
    "ladders: espeak": ("#d1742b", "eSpeak NG"),
    "ladders: joe": ("#3a8f4a", "Piper joe"),
    "ladders: kokoro": ("#8a4fa3", "Kokoro"),
}


def draw(before: RunResult, after: RunResult, path: Path) -> None:
    """Write the picture as PNG: dashed and pale is before, solid is after."""
    topics = list(dict.fromkeys(each.topic for each in load("ladders")))
    rows = -(-len(topics) // _COLUMNS)
    figure, panels = plt.subplots(rows, _COLUMNS, figsize=(14, 2.9 * rows), sharex=True, sharey=True, squeeze=False)
    for topic, panel in zip(topics, panels.flat, strict=False):
        _background(panel, topic)
        _lines(panel, topic, before, before=True)
        _lines(panel, topic, after, before=False)
    for panel in list(panels.flat)[len(topics) :]:
        panel.set_axis_off()
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower right", ncols=2, frameon=False, fontsize=9)
    figure.supxlabel("step of the ladder, from cordial to violent", fontsize=10)
    figure.supylabel("temperature", fontsize=10)
    figure.tight_layout()
    figure.savefig(path, dpi=80, metadata={"Software": None})
    plt.close(figure)


def _background(panel: "Axes", topic: str) -> None:
    for each in load("ladders"):
        if each.topic == topic:
            low, high = each.band
            panel.fill_between([each.step - 0.4, each.step + 0.4], low, high, color="#ececec", linewidth=0)
    panel.set_title(topic, fontsize=10, loc="left")
    panel.set_xticks(range(1, 6))
    panel.set_ylim(0, 101)
    panel.tick_params(labelsize=8)
    panel.spines[["top", "right"]].set_visible(False)


def _lines(panel: "Axes", topic: str, run: RunResult, *, before: bool) -> None:
    for name, (colour, label) in _LINES.items():
        suite = run.suite(name)
        steps = by_topic(suite.temperatures).get(topic, {}) if suite else {}
        if steps:
            panel.plot(
                sorted(steps),
                [steps[step] for step in sorted(steps)],
                color=colour,
                linestyle="--" if before else "-",
                linewidth=1 if before else 1.8,
                alpha=0.45 if before else 1,
                marker=None if before else "o",
                markersize=3,
                label=f"{label}, {'before' if before else 'after'}",
            )
