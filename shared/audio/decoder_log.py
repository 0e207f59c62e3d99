"""Reads what FFmpeg logs to its stderr, and notes what matters to its caller."""

import asyncio
import re

_READ_BYTES = 64 * 1024
_TAIL_BYTES = 2048
_LONGEST_LINE = 4096
_MOST_CODECS = 16
_ERROR_LEVELS = (b"[error]", b"[fatal]", b"[panic]")
_NOT_ALLOWED = re.compile(rb"Codec \(([a-z0-9_]{1,32})\) not on whitelist")  # a picture or a video track: no damage
_AUDIO = re.compile(
    rb"[ (](?:Stream #0:[^ ]+: )?Audio: ([a-z0-9_]{1,32})(?: \(([a-z0-9_]{1,32})\))?"
)  # and its decoder
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
        self._refused: set[bytes] = set()
        self._codecs: list[bytes] = []

    @property
    def refused_codec(self) -> str | None:
        """The codec of the first stream of audio whose decoder is not allowed, or None."""
        return next((codec.decode() for codec in self._codecs if codec in self._refused), None)

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
        if any(level in line for level in _ERROR_LEVELS):
            refused = _NOT_ALLOWED.search(line)
            if refused is None:
                self.damaged = True
            elif len(self._refused) < _MOST_CODECS:
                self._refused.add(refused[1])
        self.reconfigured = self.reconfigured or _RECONFIGURED in line
        self.without_audio = self.without_audio or _NO_STREAM in line
        self._in_input = self._in_input and _INPUT_ENDS not in line
        if self._in_input and (audio := _AUDIO.search(line)) is not None:
            self.audio_streams += b"  Stream #0:" in line
            if len(self._codecs) < _MOST_CODECS:
                self._codecs += [name for name in audio.groups() if name is not None]
