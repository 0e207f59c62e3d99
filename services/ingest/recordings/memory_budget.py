"""How much of the process's memory requests may hold at once whose body must be there whole."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import Unavailable


class MemoryBudget:
    """`size` bytes to share; who finds too little left is sent away at once rather than made to wait."""

    def __init__(self, size: int) -> None:
        self._left = size

    @contextmanager
    def taking(self, size: int) -> Iterator[None]:
        """Hold `size` bytes inside the block; raises Unavailable when they are not there."""
        if size > self._left:
            raise Unavailable("Too many large JSON documents at once: send this one again, or the chunk in a form.")
        self._left -= size
        try:
            yield
        finally:
            self._left += size
