"""Keeps what the model service was paid for, in the bucket, until the session's result is stored.

A job that is tried again, by any replica, finds the answers of its earlier tries. They lie where a session's archived
events do, so they are erased with the session.
"""

from contextlib import aclosing
from dataclasses import dataclass

import structlog

from shared.catalog.event_store import EventStore
from shared.domain.errors import NotFound, RoomtoneError
from shared.domain.identifiers import SessionKey
from shared.domain.object_keys import bought_answer_key, bought_answers_prefix
from shared.storage.object_store import ObjectStore

log = structlog.stdlib.get_logger(__name__)

_LARGEST = 4 * 1024 * 1024  # bytes, as of an answer


@dataclass(frozen=True, slots=True)
class BoughtAnswers:
    """The answers of one session, each under the SHA-256 of what was asked."""

    events: EventStore
    session: SessionKey

    @property
    def _store(self) -> ObjectStore:
        return self.events.store

    async def get(self, digest: str) -> str | None:
        """Return an answer, or None; raises Unavailable while the store is away, so that nothing is bought twice."""
        body = bytearray()
        try:
            async with aclosing(self._store.read(bought_answer_key(self.session, digest), last=_LARGEST)) as pieces:
                async for piece in pieces:
                    body += piece
        except NotFound:
            return None
        return body.decode(errors="replace")

    async def put(self, digest: str, answer: str) -> None:
        """Keep an answer, unless the session is deleted.

        If it can't be kept, that costs no more than another try would: the answer is at hand.
        """
        key = bought_answer_key(self.session, digest)
        try:
            await self._store.put(key, answer.encode(), content_type="application/json", metadata={})
            if await self.events.is_deleted(self.session):  # which may not have found what was put just now
                await self._store.delete(key)
        except RoomtoneError as exc:
            log.warning("a bought answer could not be kept", code=exc.code)

    async def delete(self) -> None:
        """Delete all; raises Unavailable."""
        for key in [key async for key in self._store.list_keys(bought_answers_prefix(self.session))]:
            await self._store.delete(key)
