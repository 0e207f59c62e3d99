"""Reads what FFmpeg logs to its stderr, and notes what matters to its caller."""

import asyncio

_READ_BYTES = 64 * 1024
_TAIL_BYTES = 2048
_LONGEST_LINE = 4096
_ERROR_LEVELS = (b"[error]", b"[fatal]", b"[panic]")
_NOT_ALLOWED = b"not on whitelist"  # a picture or a video track, whose decoder is not allowed: no damage
_RECONFIGURED = b"Reconfiguring filter graph"
_NO_STREAM = b"matches no streams"
_INPUT_ENDS = b"Stream mapping:"


class DecoderLog:
    """Reads FFmpeg's stderr to the end and keeps its last 2 KiB; notes what its lines say of the input.

    FFmpeg names the level of each line. `damaged`: something could not be decoded. `reconfigured`: the sample rate or
    the channels changed within the stream. `without_audio`: there is no stream of audio. `audio_streams`: how many
    there are, where that is logged. A file's own title may contain any of the markers; that costs its owner a warning
    or another decode.
    """

    def __init__(self) -> None:
        self.last = ""
        self.damaged = False
        self.reconfigured = False
        self.without_audio = False
        self.audio_streams = 0
        self._in_input = True

    async def read(self, stream: asyncio.StreamReader) -> None:
        """Read to the end: a child process blocks as soon as its stderr pipe is full."""
        tail = rest = b""
        while piece := await stream.read(_READ_BYTES):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                self._note(line)
            rest = rest[-_LONGEST_LINE:]
            tail = (tail + piece)[-_TAIL_BYTES:]
        self._note(rest)
        self.last = tail.decode(errors="replace").strip()

    def _note(self, line: bytes) -> None:
        if any(level in line for level in _ERROR_LEVELS) and _NOT_ALLOWED not in line:
            self.damaged = True
        self.reconfigured = self.reconfigured or _RECONFIGURED in line
        self.without_audio = self.without_audio or _NO_STREAM in line
        self._in_input = self._in_input and _INPUT_ENDS not in line
        self.audio_streams += self._in_input and b"  Stream #0:" in line and b": Audio: " in line
