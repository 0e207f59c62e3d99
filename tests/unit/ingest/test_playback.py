"""A body under way with slow and disconnected clients, and with a failing store."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Send

from services.ingest.playback.object_playback import PlayableObject, Playback, content_disposition
from shared.domain.errors import NotFound, Unavailable
from shared.storage.object_store import ObjectInfo

MIB = 1024 * 1024
CONTENT = bytes(range(256)) * 4 * 1024 * 20  # 20 MiB
WHEN = "2025-01-27T12:34:56.000Z"
GET = {"type": "http", "method": "GET"}


@dataclass
class Bucket:
    """A store with one object; reading fails from byte `fails_from` on."""

    content: bytes = CONTENT
    fails_from: int = 2**62
    asked: list[tuple[int, int]] = field(default_factory=list)

    async def head(self, _key: str) -> ObjectInfo | None:
        return ObjectInfo(len(self.content), {}, datetime.now(UTC))

    async def read(self, _key: str, first: int = 0, last: int | None = None) -> AsyncGenerator[bytes, None]:
        end = len(self.content) - 1 if last is None else last
        self.asked.append((first, end))
        if end >= self.fails_from:
            raise Unavailable("The store is not reachable.")
        for start in range(first, end + 1, 100_000):
            yield self.content[start : min(start + 100_000, end + 1)]


def stored_call(size: int = len(CONTENT)) -> PlayableObject:
    return PlayableObject(
        object_key="y",
        filename="call.aac",
        content_type="audio/aac",
        size_bytes=size,
        sha256=hashlib.sha256(b"").hexdigest(),
        stored_at=WHEN,
    )


@dataclass
class Reader:
    """A client that reads `takes` bytes of the body and then disconnects."""

    takes: int = 2**62
    head: Message | None = None
    body: bytearray = field(default_factory=bytearray)
    complete: bool = False
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.head = message
            return
        self.body += message["body"]
        self.complete = not message["more_body"]
        if len(self.body) >= self.takes:
            self.gone.set()
            await asyncio.Event().wait()  # the client reads no more

    @property
    def both(self) -> tuple[Receive, Send]:
        return self.receive, self.send


async def test_a_body_is_read_in_small_pieces_one_after_the_other_and_is_complete() -> None:
    bucket, reader = Bucket(), Reader()
    await (await Playback(bucket).play(stored_call(), Headers()))(GET, *reader.both)
    assert reader.complete
    assert reader.body == CONTENT
    assert max(last - first + 1 for first, last in bucket.asked) <= MIB
    assert [first for first, _ in bucket.asked[1:]] == [last + 1 for _, last in bucket.asked[:-1]]


async def test_nothing_more_is_read_for_a_client_that_disconnected() -> None:
    bucket, reader = Bucket(), Reader(takes=MIB)
    async with asyncio.timeout(5):
        await (await Playback(bucket).play(stored_call(), Headers()))(GET, *reader.both)
    assert not reader.complete
    assert bucket.asked[-1][1] < 2 * MIB


async def test_a_store_that_fails_in_the_middle_leaves_the_body_incomplete() -> None:
    reader = Reader()
    await (await Playback(Bucket(fails_from=5 * MIB)).play(stored_call(), Headers()))(GET, *reader.both)
    assert MIB < len(reader.body) <= 5 * MIB
    assert not reader.complete


async def test_a_store_that_fails_before_the_first_byte_fails_the_request() -> None:
    with pytest.raises(Unavailable):
        await Playback(Bucket(fails_from=0)).play(stored_call(), Headers())


async def test_an_object_of_another_size_than_the_stored_one_is_not_played() -> None:
    with pytest.raises(Unavailable):
        await Playback(Bucket(content=b"short")).play(stored_call(), Headers())


async def test_a_missing_object_is_not_found() -> None:
    class Empty(Bucket):
        async def head(self, _key: str) -> ObjectInfo | None:
            return None

    with pytest.raises(NotFound):
        await Playback(Empty()).head(stored_call(), Headers())


@pytest.mark.parametrize(
    ("filename", "header"),
    [
        ("call.aac", 'inline; filename="call.aac"'),
        ("é_日.aac", "inline; filename=\"___.aac\"; filename*=UTF-8''%C3%A9_%E6%97%A5.aac"),
    ],
)
def test_a_filename_is_written_for_old_and_new_clients(filename: str, header: str) -> None:
    assert content_disposition(filename) == header
