"""The scale: the heats of lines become a temperature from 1 to 100."""

from collections.abc import Sequence
from typing import Protocol

from services.analyzer.score.words.pooling import pool


class ScaleMap(Protocol):
    """A monotone map of temperatures, fitted to rated recordings."""

    def apply(self, temperature: int) -> int:
        """Return the mapped temperature, 1 to 100."""


class Thermometer:
    """Makes temperatures of heats, through an operator's calibration if there is one."""

    def __init__(self, calibration: ScaleMap | None = None) -> None:
        self._calibration = calibration

    @property
    def calibrated(self) -> bool:
        """Whether temperatures go through a calibration."""
        return self._calibration is not None

    def temperature(self, heats: Sequence[float], words: Sequence[float]) -> int:
        """Return the temperature, 1 to 100, of lines with these heats (0 to 1) and numbers of words."""
        value = round(pool(heats, words))
        return self._calibration.apply(value) if self._calibration else value
