"""Dead letters: work that will not be tried again, kept whole with its reason until somebody decides.

They lie on a stream of their own, `roomtone-dead.v1.<queue>.<tenant>.<session>.<letter>`, one message a letter: the
same death told twice replaces itself, however much later. As old as events may get, they go; so do the oldest when
they take more than 64 MiB together.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import ClassVar

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import NoStreamResponseError, NotFoundError
from pydantic import ConfigDict, TypeAdapter

from shared.domain.clock import now, rfc3339
from shared.domain.envelope import UndecodableEventError, decode_on_subject, encode, event_id
from shared.domain.errors import InvalidInput, Unavailable
from shared.domain.events import SessionFinalized
from shared.domain.identifiers import SessionKey
from shared.domain.subjects import (
    DEAD_LETTERS,
    DEAD_STREAM,
    dead_letter_subject,
    dead_letters_of_queue,
    dead_letters_of_session,
)
from shared.messaging.bus import Bus

_DAY = 24 * 3600
_BYTES = 64 * 1024 * 1024
_LARGEST = 512 * 1024  # in base64 and with its circumstances that stays under the server's limit of 1 MiB a message


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that a queue gave up: where it was, what it said, why and when it ended.

    `whole` is false for one too large to be kept, which was none of ours; it can't be tried again.
    """

    __pydantic_config__: ClassVar = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    id: str
    queue: str
    subject: str
    payload: bytes
    whole: bool
    code: str
    reason: str
    retryable: bool
    tries: int
    died_at: str

    @property
    def key(self) -> SessionKey:
        """Whose work it was."""
        return SessionKey.of_subject(self.subject)

    @property
    def storage_subject(self) -> str:
        """The letter's own subject."""
        return dead_letter_subject(self.queue, self.key, self.id)


_LETTERS = TypeAdapter(DeadLetter)


def dead_letter_from(message: Msg, *, queue: str, code: str, reason: str, retryable: bool = False) -> DeadLetter:
    """Write down why a message ends here; it has the same id however often it ends."""
    return DeadLetter(
        id=dead_letter_id(queue, message),
        queue=queue,
        subject=message.subject,
        payload=message.data[:_LARGEST],
        whole=len(message.data) <= _LARGEST,
        code=code,
        reason=reason,
        retryable=retryable,
        tries=message.metadata.num_delivered,
        died_at=rfc3339(now()),
    )


def dead_letter_id(queue: str, message: Msg) -> str:
    """Return the id of the letter that this message becomes if it dies in this queue."""
    about = message.metadata
    cause = f"{queue}\0{about.sequence.stream}\0{about.timestamp.timestamp()}"
    return hashlib.sha256(cause.encode()).hexdigest()[:16]


class DeadLetters:
    """Keeps, finds, revives and forgets letters; every method raises Unavailable when the bus is away."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def store(self, letter: DeadLetter) -> None:
        """Store a letter; again is fine. Returns once the server has it."""
        content = _LETTERS.dump_json(letter)
        async with self._translated_errors():
            try:
                await self._bus.jetstream.publish(letter.storage_subject, content)
            except NoStreamResponseError:
                await self._create()
                await self._bus.jetstream.publish(letter.storage_subject, content)

    async def find(self, queue: str, message: Msg) -> DeadLetter | None:
        """Return what is known of an earlier death of this very message."""
        place = dead_letter_subject(queue, SessionKey.of_subject(message.subject), dead_letter_id(queue, message))
        async with self._translated_errors():
            try:
                found = await self._bus.jetstream.get_last_msg(DEAD_STREAM, place)
            except NotFoundError:
                return None
        return _LETTERS.validate_json(found.data or b"")

    async def list_queue(self, queue: str) -> AsyncIterator[DeadLetter]:
        """Yield a queue's letters, oldest first, those among them that come meanwhile."""
        after = 0
        while True:
            async with self._translated_errors():
                try:
                    found = await self._bus.jetstream.get_msg(
                        DEAD_STREAM, seq=after + 1, subject=dead_letters_of_queue(queue), next=True
                    )
                except NotFoundError:
                    return
            after = found.seq or after + 1
            yield _LETTERS.validate_json(found.data or b"")

    async def retry(self, letter: DeadLetter) -> None:
        """Give the work to its queue again, and forget the letter once the bus has it; may run twice.

        Raises InvalidInput for a letter that was not kept whole.
        """
        if not letter.whole:
            raise InvalidInput("The message was too large to be kept.", code="not_kept")
        payload, message_id = _republished(letter)
        async with self._translated_errors():
            await self._bus.jetstream.publish(letter.subject, payload, headers={"Nats-Msg-Id": message_id})
            await self._bus.jetstream.purge_stream(DEAD_STREAM, subject=letter.storage_subject)

    async def purge_session(self, key: SessionKey) -> None:
        """Erase a session's letters in every queue; again is fine."""
        async with self._translated_errors():
            try:
                await self._bus.jetstream.purge_stream(DEAD_STREAM, subject=dead_letters_of_session(key))
            except NotFoundError:
                return

    async def _create(self) -> None:
        config = self._bus.config
        await self._bus.jetstream.add_stream(
            StreamConfig(
                name=DEAD_STREAM,
                subjects=[DEAD_LETTERS],
                storage=StorageType.FILE,
                num_replicas=config.replicas,
                max_age=config.max_age_days * _DAY,
                max_bytes=_BYTES,
                max_msgs_per_subject=1,
                discard=DiscardPolicy.OLD,
            )
        )

    @asynccontextmanager
    async def _translated_errors(self) -> AsyncIterator[None]:
        if not self._bus.connected:
            raise Unavailable("The bus is not reachable.", code="bus_unavailable")
        try:
            yield
        except (NatsError, TimeoutError) as exc:
            raise Unavailable("The bus did not answer about a dead letter.", code="bus_unavailable") from exc


def _republished(letter: DeadLetter) -> tuple[bytes, str]:
    """Return what to publish, and under which id: one that the stream has not seen, or it would swallow it.

    An order to work on a session becomes a new order, as when a client finalizes once more: by its id the assembler
    tells a further attempt from a repetition. Everything else is a fact that others have heard, and keeps its own id.
    """
    try:
        job = decode_on_subject(letter.subject, letter.payload)
    except UndecodableEventError:
        return letter.payload, f"again-{letter.id}"
    if isinstance(job.event, SessionFinalized):
        job = replace(job, id=event_id(job.key, SessionFinalized, letter.id))
        return encode(job), job.id
    return letter.payload, f"{job.id}-{letter.id}"
