"""OpenAI's scorer, or that of any server which speaks its API."""

import json
import secrets
from collections.abc import Sequence

from openai import AsyncOpenAI
from pydantic import BaseModel, ValidationError

from services.analyzer.openai_client import model_call
from services.analyzer.score.judgement import INSTRUCTIONS, Judgement, schema, score_of
from services.analyzer.score.protocol import Score, TranscribedRecording
from services.analyzer.score.summary import no_speech
from shared.domain.errors import Permanent, Unavailable
from shared.domain.events import TranscriptLine

_MOST_TEXT = 200_000  # characters: some 50,000 tokens, five hours of talk
_TRIES_IN_FULL = 2  # tries that may take all their time before the whole is given up
_ENOUGH_SPEECH = 30.0  # seconds that a judgement needs to stand on


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message


class _Answer(BaseModel):
    choices: tuple[_Choice, ...]


class OpenAIScorer:
    """Asks a language model once for evidence and grades, as structured output."""

    def __init__(self, client: AsyncOpenAI, model: str, *, deadline: float) -> None:
        self._client = client
        self._model = model
        self._deadline = deadline
        self._name = f"openai/{model}"

    async def score(self, recording: TranscribedRecording) -> Score:
        """Return the score; without speech nobody is asked. Raises Unavailable or Permanent."""
        if not recording.lines:
            return no_speech(self._name)
        lines = _newest(recording.lines)
        judgement = _judgement(await self._ask(lines))
        spoken = sum(line.end - line.start for line in recording.lines)
        return score_of(judgement, lines, certainty=min(1.0, spoken / _ENOUGH_SPEECH), scorer=self._name)

    async def _ask(self, lines: Sequence[TranscriptLine]) -> str:
        async with model_call(within=_TRIES_IN_FULL * self._deadline):
            answer = await self._client.chat.completions.with_raw_response.create(
                model=self._model,
                messages=[{"role": "system", "content": INSTRUCTIONS}, {"role": "user", "content": _records(lines)}],
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "judgement", "strict": True, "schema": schema()},
                },
                timeout=self._deadline,
            )
            return answer.text


def _newest(lines: Sequence[TranscriptLine]) -> Sequence[TranscriptLine]:
    """Return the last lines, as many as one request takes: how it ended says more than how it began."""
    left = _MOST_TEXT
    for kept, line in enumerate(reversed(lines)):
        left -= len(line.text)
        if left < 0:
            return lines[len(lines) - kept :]
    return lines


def _records(lines: Sequence[TranscriptLine]) -> str:
    """Write the transcript as data: a line of JSON each, between markers that nobody on the call could know."""
    marker = f"transcript-{secrets.token_hex(8)}"
    records = [json.dumps({"line": number, "text": line.text}) for number, line in enumerate(lines)]
    return "\n".join([f"<{marker}>", *records, f"</{marker}>"])


def _judgement(text: str) -> Judgement:
    try:
        message = _Answer.model_validate_json(text).choices[0].message
        if message.refusal is not None:
            raise Permanent("The model service declined to judge this recording.", code="model_declined")
        return Judgement.model_validate_json(message.content or "")
    except (ValidationError, IndexError):
        raise Unavailable("The model service's answer can't be read.", code="model_failed") from None
