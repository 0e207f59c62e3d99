"""Rates words in the local models' process, where the words' model, or the lexicon in its place, is loaded."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from services.analyzer.model_process.models import LocalModels
from services.analyzer.score.words.model import NAME
from services.analyzer.score.words.protocol import LineWords
from shared.domain.errors import Unavailable

_BATCH = 200  # lines in one request: some seconds, in which no speech is transcribed
_CONTEXT = 3  # lines on each side of a batch that are rated with it, since a line is read with its neighbours
_SECONDS_A_LINE = 0.2  # that the model may take beyond the deadline; it takes 0.012 on an idle core


@dataclass(frozen=True, slots=True)
class _Response:
    """What rated the words, and the ratings."""

    name: str
    ratings: list[LineWords]


_RESPONSES = TypeAdapter(_Response)


class ModelRater:
    """A words' rater; at most 200 lines are rated at a time, so that recordings of others are not held up for long."""

    def __init__(self, models: LocalModels) -> None:
        self._models = models
        self._name = NAME

    @property
    def name(self) -> str:
        """What rated the last words; before any, what is meant to."""
        return self._name

    async def rate(self, lines: Sequence[str]) -> list[LineWords]:
        """Return one rating for each line, in order; raises what `LocalModels.run` raises."""
        return [rating for first in range(0, len(lines), _BATCH) for rating in await self._batch(lines, first)]

    async def _batch(self, lines: Sequence[str], first: int) -> list[LineWords]:
        before, wanted = min(first, _CONTEXT), min(_BATCH, len(lines) - first)
        asked = lines[first - before : first + wanted + _CONTEXT]
        content = await self._models.run("words", json.dumps(asked).encode(), seconds=_SECONDS_A_LINE * len(asked))
        try:
            response = _RESPONSES.validate_json(content)
        except ValidationError as exc:
            raise _unreadable() from exc
        if len(response.ratings) != len(asked):
            raise _unreadable()
        self._name = response.name
        return response.ratings[before : before + wanted]


def _unreadable() -> Unavailable:
    return Unavailable("The words' model's answer can't be read.", code="model_failed")
