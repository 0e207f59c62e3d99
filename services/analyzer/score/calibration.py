"""A calibration: the monotone map from our temperatures to those that people gave to the same recordings.

It is fitted by isotonic regression (Barlow et al. 1972; the pool-adjacent-violators algorithm), so it never changes the
order of two recordings, only how far apart they are.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

LOWEST, HIGHEST = 1, 100


class CalibrationError(ValueError):
    """A calibration can't be read or fitted; the message says what is wrong."""


class _Document(BaseModel):
    """The file's content. `knots` are pairs of our temperature and the calibrated one, both rising."""

    model_config = ConfigDict(extra="forbid", strict=True)

    format: Literal["roomtone-calibration-1"] = "roomtone-calibration-1"
    scorer: str | None = Field(default=None, min_length=1, max_length=200)
    ratings: int = Field(ge=0)
    knots: list[tuple[float, float]] = Field(min_length=2, max_length=10_000)

    @model_validator(mode="after")
    def _check_knots(self) -> Self:
        ours, theirs = zip(*self.knots, strict=True)
        if not all(LOWEST <= value <= HIGHEST for value in (*ours, *theirs)):
            raise ValueError("knots must be numbers from 1 to 100")
        if any(high <= low for low, high in pairwise(ours)):
            raise ValueError("the first numbers of the knots must rise")
        if any(high < low for low, high in pairwise(theirs)):
            raise ValueError("the second numbers of the knots must not fall")
        return self


@dataclass(frozen=True, slots=True)
class Calibration:
    """Maps temperatures of 1 to 100 to calibrated ones, piecewise linear between `knots` and constant outside.

    `scorer` names the scorer whose temperatures it was fitted on, None where that is not known; `ratings` is how many
    rated recordings it comes from.
    """

    knots: tuple[tuple[float, float], ...]
    ratings: int
    scorer: str | None = None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file that `save` wrote; raises CalibrationError."""
        try:
            document = _Document.model_validate_json(path.read_bytes())
        except OSError as exc:
            raise CalibrationError(f"the calibration {path} can't be read: {exc.strerror}") from exc
        except ValidationError as exc:
            first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            message = f"{where}: {first['msg']}" if where else first["msg"]
            raise CalibrationError(f"the calibration {path} is not valid: {message}") from exc
        return cls(tuple(document.knots), document.ratings, document.scorer)

    def save(self, path: Path) -> None:
        """Write the calibration as JSON."""
        document = _Document(scorer=self.scorer, ratings=self.ratings, knots=list(self.knots))
        path.write_text(json.dumps(document.model_dump(), indent=1) + "\n")

    def apply(self, temperature: int) -> int:
        """Return the calibrated temperature; never lower for a higher one."""
        return round(self.exact(temperature))

    def exact(self, temperature: float) -> float:
        """Return the calibrated temperature before it is rounded."""
        knots = np.array(self.knots)
        return float(np.interp(temperature, knots[:, 0], knots[:, 1]))


def fit(temperatures: Sequence[float], ratings: Sequence[float], scorer: str | None = None) -> Calibration:
    """Return the monotone map with the least squared error; raises CalibrationError for a single temperature."""
    merged = _merged(temperatures, ratings)
    if len(merged) < 2:  # noqa: PLR2004  # a line has two ends
        raise CalibrationError("all recordings have the same temperature, so there is no order to calibrate")
    knots: list[tuple[float, float]] = []
    for block in _pooled(merged):
        value = min(max(block.mean, float(LOWEST)), float(HIGHEST))
        knots += [(start, value) for start in dict.fromkeys((block.first, block.last))]
    return Calibration(tuple(knots), len(ratings), scorer)


@dataclass(frozen=True, slots=True)
class _Block:
    """Neighbouring temperatures from `first` to `last` that share one value: the mean of their ratings."""

    first: float
    last: float
    mean: float
    weight: int

    def joined(self, other: "_Block") -> "_Block":
        weight = self.weight + other.weight
        mean = math.fsum((self.mean * self.weight, other.mean * other.weight)) / weight
        return _Block(self.first, other.last, mean, weight)


def _merged(temperatures: Sequence[float], ratings: Sequence[float]) -> list[_Block]:
    """Return a block for each temperature, rising."""
    by_temperature: dict[float, list[float]] = {}
    for temperature, rating in zip(temperatures, ratings, strict=True):
        by_temperature.setdefault(float(temperature), []).append(float(rating))
    return [
        _Block(temperature, temperature, math.fsum(given) / len(given), len(given))
        for temperature, given in sorted(by_temperature.items())
    ]


def _pooled(blocks: Sequence[_Block]) -> list[_Block]:
    """Join neighbours until none is lower than the one before it."""
    pooled: list[_Block] = []
    for block in blocks:
        joined = block
        while pooled and pooled[-1].mean > joined.mean:
            joined = pooled.pop().joined(joined)
        pooled.append(joined)
    return pooled
