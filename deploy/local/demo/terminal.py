"""What the demonstration shows: a line an occurrence, below each other, and a bar for what takes a while."""

from time import monotonic
from typing import NoReturn

from tqdm import tqdm


class Terminal:
    """Writes lines that a running progress bar does not garble, each with the seconds since the beginning."""

    def __init__(self) -> None:
        self._start = monotonic()

    def line(self, what: str, text: str) -> None:
        """Write one occurrence."""
        tqdm.write(f"{monotonic() - self._start:7.2f} s  {what:10} {text}")

    def event(self, text: str) -> None:
        """Write an event as it came over the WebSocket."""
        self.line("event", text)

    def bar(self, size: int) -> "tqdm[NoReturn]":
        """Return a progress bar over `size` bytes; none is drawn where nobody watches."""
        return tqdm(total=size, unit="B", unit_scale=True, disable=None, leave=False, desc="sending")
