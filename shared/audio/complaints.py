"""What a decoder says while it works: read to its end, little of it kept."""

import asyncio

_READ = 64 * 1024
_KEPT = 2048
_DAMAGE = (b"[error]", b"[fatal]", b"[panic]")
_RECONFIGURED = b"Reconfiguring filter graph"
_OVERLAP = len(_RECONFIGURED) - 1  # no less than any other sign


class Complaints:
    """What FFmpeg, told to name the level of each line, wrote; `last` is the end of it.

    `damaged`: something could not be decoded. `reconfigured`: the sound's rate or channels changed on the way. A file's
    own title may say either; the first costs its owner a warning, the second a decode more.
    """

    def __init__(self) -> None:
        self.last = ""
        self.damaged = False
        self.reconfigured = False

    async def listen(self, stream: asyncio.StreamReader) -> None:
        """Read to the end, since a child whose words nobody takes stands still."""
        kept = overlap = b""
        while piece := await stream.read(_READ):
            seen = overlap + piece
            self.damaged = self.damaged or any(sign in seen for sign in _DAMAGE)
            self.reconfigured = self.reconfigured or _RECONFIGURED in seen
            overlap = seen[-_OVERLAP:]
            kept = (kept + piece)[-_KEPT:]
        self.last = kept.decode(errors="replace").strip()
