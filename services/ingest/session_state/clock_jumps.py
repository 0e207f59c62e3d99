"""Notices that the wall clock was set, by a clock that nobody sets, so that no file is taken for older than it is.

The times of files are of the wall clock, which an operator or NTP may set a day ahead; a machine that was suspended
goes on a day later as well, and nobody could send anything meanwhile.
"""

import time
from collections.abc import Callable

_JUMP_SECONDS = 30.0  # more than clocks are slewed by between two looks


class ClockJumps:
    """Compares the wall clock with the monotonic one at each look; used from one thread at a time."""

    def __init__(
        self, *, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._offset = wall() - monotonic()
        self._jumped_at: float | None = None

    def jumped_within(self, seconds: float) -> bool:
        """Whether the wall clock jumped in the last `seconds`, or since the look before this one."""
        now = self._monotonic()
        offset = self._wall() - now
        if abs(offset - self._offset) > _JUMP_SECONDS:
            self._jumped_at = now
        self._offset = offset
        return self._jumped_at is not None and now - self._jumped_at < seconds
