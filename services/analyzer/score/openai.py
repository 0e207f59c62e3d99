"""A scorer that asks a language model over OpenAI's API; works with any server that has the same API."""

import json
import secrets
from collections.abc import Sequence

from openai import AsyncOpenAI
from pydantic import BaseModel, ValidationError

from services.analyzer.openai_client import model_call
from services.analyzer.score.judgement import INSTRUCTIONS, Judgement, schema, score_of
from services.analyzer.score.protocol import TranscribedRecording
from services.analyzer.score.summary import no_speech
from shared.domain.analysis import Analysis, TranscriptLine
from shared.domain.errors import Permanent, Unavailable

_MAX_TEXT = 200_000  # characters: some 50,000 tokens, five hours of talk
_TRIES_IN_FULL = 2  # tries that may take their full timeout before the call is given up
_ENOUGH_SPEECH = 30.0  # seconds of speech from which on the certainty is 1


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message


class _Completion(BaseModel):
    choices: tuple[_Choice, ...]


class OpenAIScorer:
    """Scores a recording by one request to a language model for evidence and grades, as structured output."""

    def __init__(self, client: AsyncOpenAI, model: str, *, deadline: float) -> None:
        self._client = client
        self._model = model
        self._deadline = deadline
        self._name = f"openai/{model}"

    async def score(self, recording: TranscribedRecording) -> Analysis:
        """Return the score; a recording without speech needs no request. Raises Unavailable or Permanent."""
        if not recording.lines:
            return no_speech(self._name)
        lines = _newest(recording.lines)
        judgement = _parse_judgement(await self._request(lines))
        spoken = sum(line.end - line.start for line in recording.lines)
        return score_of(judgement, lines, certainty=min(1.0, spoken / _ENOUGH_SPEECH), scorer=self._name)

    async def _request(self, lines: Sequence[TranscriptLine]) -> str:
        async with model_call(within=_TRIES_IN_FULL * self._deadline):
            response = await self._client.chat.completions.with_raw_response.create(
                model=self._model,
                messages=[{"role": "system", "content": INSTRUCTIONS}, {"role": "user", "content": _records(lines)}],
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "judgement", "strict": True, "schema": schema()},
                },
                timeout=self._deadline,
            )
            return response.text


def _newest(lines: Sequence[TranscriptLine]) -> Sequence[TranscriptLine]:
    """Return the last lines, as many as one request takes: a conversation's end says more than its beginning."""
    left = _MAX_TEXT
    for count, line in enumerate(reversed(lines)):
        left -= len(line.text)
        if left < 0:
            return lines[len(lines) - count :]
    return lines


def _records(lines: Sequence[TranscriptLine]) -> str:
    """Return the transcript as data: one line of JSON each, between markers that no speaker on the call could know."""
    marker = f"transcript-{secrets.token_hex(8)}"
    records = [json.dumps({"line": number, "text": line.text}) for number, line in enumerate(lines)]
    return "\n".join([f"<{marker}>", *records, f"</{marker}>"])


def _parse_judgement(text: str) -> Judgement:
    try:
        message = _Completion.model_validate_json(text).choices[0].message
        if message.refusal is not None:
            raise Permanent("The model service declined to judge this recording.", code="model_declined")
        return Judgement.model_validate_json(message.content or "")
    except (ValidationError, IndexError):
        raise Unavailable("The model service's answer can't be read.", code="model_failed") from None
