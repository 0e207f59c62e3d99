"""Keeps what the model service was paid for, in the bucket, until the session's result is stored.

A job that is tried again, by any replica, finds the answers of its earlier tries. They lie where a session's archived
events do, so they are erased with the session.
"""

from contextlib import aclosing
from dataclasses import dataclass

import structlog

from shared.domain.errors import NotFound, RoomtoneError
from shared.domain.identifiers import SessionKey
from shared.domain.object_keys import bought_answer_key, bought_answers_prefix
from shared.storage.object_store import ObjectStore

log = structlog.stdlib.get_logger(__name__)

_LARGEST = 4 * 1024 * 1024  # bytes, as of an answer


@dataclass(frozen=True, slots=True)
class BoughtAnswers:
    """The answers of one session, each under the SHA-256 of what was asked."""

    store: ObjectStore
    session: SessionKey

    async def get(self, digest: str) -> str | None:
        """Return an answer, or None; raises Unavailable while the store is away, so that nothing is bought twice."""
        body = bytearray()
        try:
            async with aclosing(self.store.read(bought_answer_key(self.session, digest), last=_LARGEST)) as pieces:
                async for piece in pieces:
                    body += piece
        except NotFound:
            return None
        return body.decode(errors="replace")

    async def put(self, digest: str, answer: str) -> None:
        """Keep an answer; if the store does not take it, the answer at hand is worth more than the next try's."""
        try:
            key = bought_answer_key(self.session, digest)
            await self.store.put(key, answer.encode(), content_type="application/json", metadata={})
        except RoomtoneError as exc:
            log.warning("a bought answer could not be kept", code=exc.code)

    async def delete(self) -> None:
        """Delete all; raises Unavailable."""
        for key in [key async for key in self.store.list_keys(bought_answers_prefix(self.session))]:
            await self.store.delete(key)
