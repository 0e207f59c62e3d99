"""One listener: its subscription, its queue of frames, and why it closes. Does no I/O."""

import asyncio
from collections import deque
from dataclasses import replace
from enum import Enum

from services.notifier.subscription import Subscription


class CloseReason(Enum):
    """Why a listener is closed: the WebSocket's close code and reason (docs/contracts.md, section 6).

    GONE is for a client that disconnected by itself, and is never sent.
    """

    TOO_SLOW = (4408, "too_slow")
    NOT_AUTHENTICATED = (4401, "not_authenticated")
    NOT_ALLOWED = (4403, "not_allowed")
    GOING_AWAY = (1001, "going_away")
    GONE = (1000, "gone")

    @property
    def code(self) -> int:
        """The WebSocket close code."""
        return self.value[0]

    @property
    def reason(self) -> str:
        """The WebSocket close reason, which is also the label in `ws_dropped_total`."""
        return self.value[1]


class SendQueue:
    """Frames that wait for one client, limited to `limit` bytes.

    An empty queue takes a frame of any size, since a frame larger than the limit could never be sent otherwise.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._frames: deque[str] = deque()
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes in the queue."""
        return self._size

    def put(self, frame: str) -> bool:
        """Append a frame; returns False, and appends nothing, if it does not fit."""
        if self._frames and self._size + len(frame) > self._limit:
            return False
        self._frames.append(frame)
        self._size += len(frame)
        return True

    def take(self) -> str | None:
        """Remove and return the oldest frame, or None if the queue is empty."""
        if not self._frames:
            return None
        frame = self._frames.popleft()
        self._size -= len(frame)
        return frame

    def clear(self) -> None:
        """Drop all frames."""
        self._frames.clear()
        self._size = 0


class Listener:
    """A client as the hub sees it: the hub queues frames with `enqueue`, the connection sends what `next` returns."""

    def __init__(self, subscription: Subscription, *, max_buffered: int) -> None:
        self.subscription = subscription
        self.close_reason: CloseReason | None = None
        self._queue = SendQueue(max_buffered)
        self._changed = asyncio.Event()

    def set_leads(self, leads: frozenset[str] | None) -> None:
        """Replace the subscription's leads; frames queued already stay, since they were allowed when they came."""
        self.subscription = replace(self.subscription, leads=leads)

    @property
    def buffered(self) -> int:
        """Bytes that wait for this client."""
        return self._queue.size

    def enqueue(self, frame: str) -> bool:
        """Queue a frame, never waiting; returns False if the queue is full. After `close` the frame is dropped."""
        if self.close_reason is not None:
            return True
        queued = self._queue.put(frame)
        self._changed.set()
        return queued

    def close(self, close_reason: CloseReason) -> bool:
        """Take no more frames; queued ones are still sent only with GOING_AWAY. Returns False if already closed."""
        if self.close_reason is not None:
            return False
        self.close_reason = close_reason
        if close_reason is not CloseReason.GOING_AWAY:
            self._queue.clear()
        self._changed.set()
        return True

    async def next(self) -> str | None:
        """Wait for the next frame; returns None after the last one of a closed listener."""
        while (frame := self._queue.take()) is None:
            if self.close_reason is not None:
                return None
            self._changed.clear()
            await self._changed.wait()
        return frame
