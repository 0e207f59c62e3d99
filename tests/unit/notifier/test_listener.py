"""A listener's queue of frames, and its closing."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from services.notifier.listener import CloseReason, Listener, SendQueue
from services.notifier.subscription import Subscription


def listener(max_buffered: int = 100) -> Listener:
    return Listener(Subscription("default"), max_buffered=max_buffered)


@given(st.lists(st.one_of(st.integers(0, 150), st.none()), max_size=60))
def test_a_send_queue_keeps_its_order_and_its_limit_for_any_steps(steps: list[int | None]) -> None:
    queue, expected = SendQueue(100), list[str]()
    for number, step in enumerate(steps):
        if step is None:
            assert queue.take() == (expected.pop(0) if expected else None)
        else:
            frame = f"{number}".ljust(step, ".")
            room = not expected or sum(map(len, expected)) + len(frame) <= 100
            assert queue.put(frame) == room
            expected += [frame] * room
        assert queue.size == sum(map(len, expected))
        assert queue.size <= 100 or len(expected) == 1


async def test_frames_come_out_in_the_order_they_were_queued() -> None:
    client = listener()
    client.enqueue("a")
    client.enqueue("b")
    assert [await client.next(), await client.next()] == ["a", "b"]


async def test_a_waiting_connection_is_woken_by_the_next_frame() -> None:
    client = listener()
    waiting = asyncio.ensure_future(client.next())
    await asyncio.sleep(0)
    client.enqueue("a")
    assert await waiting == "a"


async def test_after_going_away_queued_frames_are_still_sent_and_no_new_ones() -> None:
    client = listener()
    client.enqueue("a")
    assert client.close(CloseReason.GOING_AWAY)
    client.enqueue("b")
    assert [await client.next(), await client.next()] == ["a", None]


async def test_after_too_slow_nothing_more_is_sent_and_the_queue_is_empty() -> None:
    client = listener()
    client.enqueue("a" * 90)
    assert not client.enqueue("b" * 90)
    client.close(CloseReason.TOO_SLOW)
    assert client.buffered == 0
    assert await client.next() is None


async def test_only_the_first_close_reason_counts() -> None:
    client = listener()
    assert client.close(CloseReason.TOO_SLOW)
    assert not client.close(CloseReason.GONE)
    assert client.close_reason is CloseReason.TOO_SLOW


async def test_closing_wakes_the_waiting_connection() -> None:
    client = listener()
    waiting = asyncio.ensure_future(client.next())
    await asyncio.sleep(0)
    client.close(CloseReason.GONE)
    assert await waiting is None
