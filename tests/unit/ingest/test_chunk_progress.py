import asyncio
from pathlib import Path

from services.ingest.intake.chunk_progress import ChunkProgress
from services.ingest.intake.chunk_store import StoredChunk
from shared.domain.envelope import Envelope
from shared.domain.events import ChunkReceived
from shared.domain.identifiers import SessionKey
from shared.storage.session_directory import SessionDirectory
from tests.waiting import until

INTERVAL = 0.05


class Heard:
    """What was published, with the moment at which it was."""

    def __init__(self) -> None:
        self.events: list[tuple[float, str, ChunkReceived]] = []

    async def take(self, envelope: Envelope) -> None:
        assert isinstance(envelope.event, ChunkReceived)
        self.events.append((asyncio.get_running_loop().time(), envelope.key.session, envelope.event))


def stored(index: int, session: str = "a", *, chunks: int | None = None) -> StoredChunk:
    directory = SessionDirectory(SessionKey("default", session), Path("/nowhere"))
    total = index + 1 if chunks is None else chunks
    return StoredChunk(directory, index, 10, "ab" * 32, total, 10 * total, opened_session=False, lead=None)


def progress_on(heard: Heard) -> ChunkProgress:
    return ChunkProgress(heard.take, interval=INTERVAL)


async def test_the_first_chunk_is_told_at_once_and_the_newest_of_the_following_in_time() -> None:
    heard = Heard()
    async with progress_on(heard) as progress:
        for index in range(5):
            await progress.received(stored(index))
        assert [event.chunk_index for _, _, event in heard.events] == [0]
        await until(lambda: len(heard.events) == 2)
    (first, _, _), (second, _, newest) = heard.events
    assert (newest.chunk_index, newest.total_chunks, newest.total_size) == (4, 5, 50)
    assert second - first >= INTERVAL * 0.9


async def test_of_chunks_that_are_stored_out_of_order_the_count_never_falls() -> None:
    heard = Heard()
    async with progress_on(heard) as progress:
        for chunk in (stored(0), stored(2, chunks=3), stored(1, chunks=2)):
            await progress.received(chunk)
        await until(lambda: len(heard.events) == 2)
    assert [event.total_chunks for _, _, event in heard.events] == [1, 3]


async def test_sessions_do_not_wait_for_each_other_and_a_quiet_one_is_forgotten() -> None:
    heard = Heard()
    async with progress_on(heard) as progress:
        for session in ("a", "b", "c"):
            await progress.received(stored(0, session))
        assert [session for _, session, _ in heard.events] == ["a", "b", "c"]
        await until(lambda: not progress._waiting)
    assert len(heard.events) == 3


async def test_nothing_is_told_after_the_end() -> None:
    heard = Heard()
    async with progress_on(heard) as progress:
        for index in range(3):
            await progress.received(stored(index))
    assert not progress._waiting
    assert len(heard.events) == 1
