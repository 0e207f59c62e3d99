"""Reads what FFmpeg logs to its stderr, and notes what matters to its caller."""

import asyncio

_READ_BYTES = 64 * 1024
_TAIL_BYTES = 2048
_ERROR_LEVELS = (b"[error]", b"[fatal]", b"[panic]")
_RECONFIGURED = b"Reconfiguring filter graph"
_OVERLAP = len(_RECONFIGURED) - 1  # the longest marker's length, less one


class DecoderLog:
    """Reads FFmpeg's stderr to the end and keeps its last 2 KiB; notes decode errors and filter-graph reconfiguration.

    FFmpeg names the level of each line. `damaged`: something could not be decoded. `reconfigured`: the sample rate or
    the channels changed within the stream. A file's own title may contain either marker; the first then costs its
    owner a warning, the second another decode.
    """

    def __init__(self) -> None:
        self.last = ""
        self.damaged = False
        self.reconfigured = False

    async def read(self, stream: asyncio.StreamReader) -> None:
        """Read to the end: a child process blocks as soon as its stderr pipe is full."""
        tail = overlap = b""
        while piece := await stream.read(_READ_BYTES):
            searched = overlap + piece
            self.damaged = self.damaged or any(level in searched for level in _ERROR_LEVELS)
            self.reconfigured = self.reconfigured or _RECONFIGURED in searched
            overlap = searched[-_OVERLAP:]
            tail = (tail + piece)[-_TAIL_BYTES:]
        self.last = tail.decode(errors="replace").strip()
