"""The model service: the two requests that we send to it, within their time, the day's budget and a few at once."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from openai import APIConnectionError, APIStatusError, AsyncOpenAI, OpenAIError
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel, ValidationError

from services.analyzer.openai_api.budget import NOTHING, DailyBudget, Purchase, Spending
from services.analyzer.openai_api.errors import timed_out, translated
from shared.audio.pcm import BYTES_PER_SECOND
from shared.audio.wav import wav_header

log = structlog.stdlib.get_logger(__name__)

_AT_ONCE = 8  # requests: more would be answered with 429
_BYTES_A_TOKEN = 3  # of JSON in any language, on the safe side
_ANSWER_TOKENS = 500


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """A schema in the API's strict form, and its name."""

    name: str
    schema: Mapping[str, object]


class _Usage(BaseModel):
    total_tokens: int = 0


class _Used(BaseModel):
    usage: _Usage | None = None


class ModelService:
    """One server that speaks OpenAI's API.

    Both methods return the body of the answer as it came: the SDK accepts any shape for the one that it expects, so
    callers validate it. Both raise the errors of `openai_api.errors`, none with a cause, since the SDK's errors hold
    the provider's text.
    """

    def __init__(self, client: AsyncOpenAI, budget: DailyBudget) -> None:
        self._client = client
        self._budget = budget
        self._slots = asyncio.Semaphore(_AT_ONCE)

    @property
    def address(self) -> str:
        """The base URL of the server."""
        return str(self._client.base_url)

    async def transcribe(self, pcm: bytes, *, model: str, with_times: bool, timeout: float) -> str:  # noqa: ASYNC109
        """Transcribe PCM (`shared.audio.pcm`) of up to 25 MB within `timeout` seconds, all retries together."""
        audio = Spending(seconds=len(pcm) / BYTES_PER_SECOND)
        async with self._call(audio, within=timeout) as purchase:
            response = await self._client.audio.transcriptions.with_raw_response.create(
                file=("piece.wav", wav_header(len(pcm)) + pcm, "audio/wav"),
                model=model,
                response_format="verbose_json" if with_times else "json",
                timeout=timeout,
            )
            purchase.used = audio + Spending(tokens=_tokens(response.text) or 0)
            return response.text

    async def complete(
        self,
        messages: Sequence[ChatCompletionMessageParam],
        *,
        model: str,
        schema: JsonSchema,
        timeout: float,  # noqa: ASYNC109
    ) -> str:
        """Ask a language model for JSON of that schema within `timeout` seconds, all retries together."""
        size = sum(len(str(message["content"]).encode()) for message in messages)
        estimate = Spending(tokens=size // _BYTES_A_TOKEN + _ANSWER_TOKENS)
        async with self._call(estimate, within=timeout) as purchase:
            response = await self._client.chat.completions.with_raw_response.create(
                model=model,
                messages=messages,
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": schema.name, "strict": True, "schema": dict(schema.schema)},
                },
                timeout=timeout,
            )
            used = _tokens(response.text)
            purchase.used = estimate if used is None else Spending(tokens=used)
            return response.text

    @asynccontextmanager
    async def _call(self, estimate: Spending, *, within: float) -> AsyncIterator[Purchase]:
        """Limit a call to `within` seconds: the wait for one of a few slots, and all the SDK's tries.

        The SDK limits only the time between two bytes. Counting what was spent waits besides, for some seconds at most.
        """
        end = asyncio.get_running_loop().time() + within
        try:
            async with asyncio.timeout_at(end):
                await self._slots.acquire()
        except TimeoutError:
            raise timed_out() from None
        try:
            async with self._budget.purchase(estimate) as purchase:
                try:
                    async with asyncio.timeout_at(end):
                        yield purchase
                except TimeoutError:
                    raise timed_out() from None
                except OpenAIError as exc:
                    status = exc.status_code if isinstance(exc, APIStatusError) else None
                    log.warning("the model service failed", error=type(exc).__name__, status=status)
                    if status is not None or type(exc) is APIConnectionError:  # not a timeout, which costs
                        purchase.used = NOTHING
                    raise translated(exc) from None
        finally:
            self._slots.release()


def _tokens(body: str) -> int | None:
    """Return the tokens that an answer says it used, or None if it does not say."""
    try:
        usage = _Used.model_validate_json(body).usage
    except ValidationError:
        return None
    return usage.total_tokens if usage is not None and usage.total_tokens > 0 else None
