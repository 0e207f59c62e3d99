"""Dead letters: messages of work that will not be retried, stored with the reason until an operator decides.

They are stored on a stream of their own, `roomtone-dead.v1.<queue>.<tenant>.<session>.<letter>`, one message a letter:
a letter that is stored again replaces itself, however much later. They are removed when they reach the age limit of
events, and the oldest when all take more than 64 MiB.
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
_MAX_BYTES = 64 * 1024 * 1024
_MAX_PAYLOAD = 512 * 1024  # in base64 and with the other members it stays under the server's limit of 1 MiB a message


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that a queue has given up: its subject and payload, the error, the tries, and the time.

    `whole` is false if the payload was larger than 512 KiB, as no event is, and was cut; it can't be retried.
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
        """The key of the session that the work was for."""
        return SessionKey.of_subject(self.subject)

    @property
    def storage_subject(self) -> str:
        """The subject that the letter is stored on."""
        return dead_letter_subject(self.queue, self.key, self.id)


_LETTERS = TypeAdapter(DeadLetter)


def dead_letter_from(message: Msg, *, queue: str, code: str, reason: str, retryable: bool = False) -> DeadLetter:
    """Return the dead letter of a message; its id is the same however often the message fails in this queue."""
    return DeadLetter(
        id=dead_letter_id(queue, message),
        queue=queue,
        subject=message.subject,
        payload=message.data[:_MAX_PAYLOAD],
        whole=len(message.data) <= _MAX_PAYLOAD,
        code=code,
        reason=reason,
        retryable=retryable,
        tries=message.metadata.num_delivered,
        died_at=rfc3339(now()),
    )


def dead_letter_id(queue: str, message: Msg) -> str:
    """Return the id of this message's dead letter in this queue: 16 hexadecimal digits."""
    metadata = message.metadata
    cause = f"{queue}\0{metadata.sequence.stream}\0{metadata.timestamp.timestamp()}"
    return hashlib.sha256(cause.encode()).hexdigest()[:16]


class DeadLetters:
    """Stores, finds, retries and purges letters; every method raises Unavailable while the bus is not available."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def store(self, letter: DeadLetter) -> None:
        """Store a letter; returns once the server has it. Idempotent."""
        content = _LETTERS.dump_json(letter)
        async with self._translated_errors():
            try:
                await self._bus.jetstream.publish(letter.storage_subject, content)
            except NoStreamResponseError:
                await self._create()
                await self._bus.jetstream.publish(letter.storage_subject, content)

    async def find(self, queue: str, message: Msg) -> DeadLetter | None:
        """Return the letter that was stored for this very message before, or None."""
        subject = dead_letter_subject(queue, SessionKey.of_subject(message.subject), dead_letter_id(queue, message))
        async with self._translated_errors():
            try:
                stored = await self._bus.jetstream.get_last_msg(DEAD_STREAM, subject)
            except NotFoundError:
                return None
        return _LETTERS.validate_json(stored.data or b"")

    async def list_queue(self, queue: str) -> AsyncIterator[DeadLetter]:
        """Yield a queue's letters, oldest first, including those that are stored meanwhile."""
        last = 0
        while True:
            async with self._translated_errors():
                try:
                    stored = await self._bus.jetstream.get_msg(
                        DEAD_STREAM, seq=last + 1, subject=dead_letters_of_queue(queue), next=True
                    )
                except NotFoundError:
                    return
            last = stored.seq or last + 1
            yield _LETTERS.validate_json(stored.data or b"")

    async def retry(self, letter: DeadLetter) -> None:
        """Publish the work again, and purge the letter once the bus has it; idempotent.

        Raises InvalidInput for a letter whose payload was cut.
        """
        if not letter.whole:
            raise InvalidInput("The message was too large to be kept.", code="not_kept")
        payload, message_id = _republished(letter)
        async with self._translated_errors():
            await self._bus.jetstream.publish(letter.subject, payload, headers={"Nats-Msg-Id": message_id})
            await self._bus.jetstream.purge_stream(DEAD_STREAM, subject=letter.storage_subject)

    async def purge_session(self, key: SessionKey) -> None:
        """Purge a session's letters in every queue; idempotent."""
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
                max_bytes=_MAX_BYTES,
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
    """Return the payload to publish, and a new message id, as the stream would drop a known one as a duplicate.

    `session.finalized` gets a new event id as well, as when a client finalizes once more: by this id the assembler
    distinguishes a retry from a redelivery. Every other event keeps its id, since consumers deduplicate by it.
    """
    try:
        envelope = decode_on_subject(letter.subject, letter.payload)
    except UndecodableEventError:
        return letter.payload, f"again-{letter.id}"
    if isinstance(envelope.event, SessionFinalized):
        envelope = replace(envelope, id=event_id(envelope.key, SessionFinalized, letter.id))
        return encode(envelope), envelope.id
    return letter.payload, f"{envelope.id}-{letter.id}"
