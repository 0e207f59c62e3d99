"""One listener: what it wants, what waits for it, and how it ends. Knows no socket."""

import asyncio
from collections import deque
from dataclasses import replace
from enum import Enum

from services.notifier.subscription import Subscription


class CloseReason(Enum):
    """Why a listener ends: the close code and reason it is told (contracts, section 6), and the metric's label."""

    TOO_SLOW = (4408, "too_slow")
    NOT_AUTHENTICATED = (4401, "not_authenticated")
    NOT_ALLOWED = (4403, "not_allowed")
    GOING_AWAY = (1001, "going_away")
    GONE = (1000, "gone")

    @property
    def code(self) -> int:
        """The close code."""
        return self.value[0]

    @property
    def reason(self) -> str:
        """The close reason, and the label in `ws_dropped_total`."""
        return self.value[1]


class SendQueue:
    """Frames that wait for one client, bounded by their bytes.

    The bound is passed by one frame at most: an empty outbox takes any, or a large frame would reach nobody.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._frames: deque[str] = deque()
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self._size

    def put(self, frame: str) -> bool:
        """Keep a frame; False, and nothing kept, when there is no room."""
        if self._frames and self._size + len(frame) > self._limit:
            return False
        self._frames.append(frame)
        self._size += len(frame)
        return True

    def take(self) -> str | None:
        """Return the oldest frame, or None."""
        if not self._frames:
            return None
        frame = self._frames.popleft()
        self._size -= len(frame)
        return frame

    def clear(self) -> None:
        """Forget what waits."""
        self._frames.clear()
        self._size = 0


class Listener:
    """A client as the hub sees it: frames are offered to it, and whoever owns its socket takes them out."""

    def __init__(self, subscription: Subscription, *, max_buffered: int) -> None:
        self.subscription = subscription
        self.close_reason: CloseReason | None = None
        self._outbox = SendQueue(max_buffered)
        self._changed = asyncio.Event()

    def set_leads(self, leads: frozenset[str] | None) -> None:
        """Hear of these leads from here on, and of no others; what waits already was for this client when it came."""
        self.subscription = replace(self.subscription, leads=leads)

    @property
    def buffered(self) -> int:
        """Bytes that wait for this client."""
        return self._outbox.size

    def enqueue(self, frame: str) -> bool:
        """Queue a frame without ever waiting; False when it found no room. Nothing reaches who has ended."""
        if self.close_reason is not None:
            return True
        kept = self._outbox.put(frame)
        self._changed.set()
        return kept

    def close(self, close_reason: CloseReason) -> bool:
        """Let no more frames in; what waits is told only where we go away. False if ended before."""
        if self.close_reason is not None:
            return False
        self.close_reason = close_reason
        if close_reason is not CloseReason.GOING_AWAY:
            self._outbox.clear()
        self._changed.set()
        return True

    async def next(self) -> str | None:
        """Wait for the next frame; None once there will be no more."""
        while (frame := self._outbox.take()) is None:
            if self.close_reason is not None:
                return None
            self._changed.clear()
            await self._changed.wait()
        return frame
