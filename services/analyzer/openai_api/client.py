"""OpenAI's client, limited to one host and to answers of bounded size; works with any server that has the same API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from openai import AsyncOpenAI

from services.analyzer.openai_api.errors import AnswerNotAcceptedError

_LARGEST_ANSWER = 4 * 1024 * 1024  # bytes; the transcript of three minutes with its times is 50 kB


@asynccontextmanager
async def open_client(key: str, base_url: str, *, retries: int) -> AsyncIterator[AsyncOpenAI]:
    """Open a client; nothing is sent before the first call.

    Only the SDK retries a call, and it honours `Retry-After`; the work queue retries whole jobs. Redirects are not
    followed: a body holds a recording or a conversation, which only the configured host may have. Answers are asked
    for without compression, since a small one could unpack to any size.
    """
    http = httpx2.AsyncClient(
        follow_redirects=False,
        headers={"Accept-Encoding": "identity"},
        event_hooks={"response": [_limit_answer]},
    )
    async with AsyncOpenAI(api_key=key, base_url=base_url, max_retries=retries, http_client=http) as client:
        yield client


async def _limit_answer(response: httpx2.Response) -> None:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise AnswerNotAcceptedError("compressed, although that was not asked for")
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _LimitedStream(response.stream)


class _LimitedStream(httpx2.AsyncByteStream):
    """The bytes of an answer, up to the largest size; raises AnswerNotAcceptedError where more follow."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = _LARGEST_ANSWER
        async for part in self._stream:
            left -= len(part)
            if left < 0:
                raise AnswerNotAcceptedError("too large")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()
