"""One session as its client sends it, and what was acknowledged of it."""

import hashlib
import random
from dataclasses import dataclass, field

from tests.chaos.wav import wav_header

_CHUNKS = (2, 10)
_SAMPLES = (200, 4000)
_QUIET, _LOUD = 1, 15  # the high byte of samples is below this: nearly silent, or loud enough for the model
_LOUD_SHARE = 0.05
_CONTAINER_SHARE = 0.2


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(slots=True)
class ScriptedSession:
    """A session's chunks in the order of their indices, and what was acknowledged: index → SHA-256.

    With `indexed` its chunks are sent with their indices; otherwise they are appended, so that one whose response was
    lost may be there twice. `header` is how many bytes of the first chunk are a WAV's header, so that the session is
    decoded; with 0 all chunks are headerless PCM. `result` is the WAV's SHA-256 in finalize's response.
    """

    session: str
    chunks: list[bytes]
    indexed: bool
    header: int
    acknowledged: dict[int, str] = field(default_factory=dict)
    promises: int = 0
    finalized: bool = False
    result: str = ""

    def acknowledge(self, index: int, content: bytes) -> str | None:
        """Note an acknowledgement; returns what is wrong with it, or None."""
        self.promises += 1
        digest = sha256(content)
        before = self.acknowledged.setdefault(index, digest)
        return None if before == digest else f"{self.session}: chunk {index} was acknowledged with two contents"


def random_session(session: str, rng: random.Random) -> ScriptedSession:
    """Draw a session; each of its chunks differs from every other."""
    indexed = rng.random() < 0.7
    highest = _LOUD if rng.random() < _LOUD_SHARE else _QUIET
    chunks = [_samples(rng, highest) for _ in range(rng.randint(*_CHUNKS))]
    header = b""
    if indexed and rng.random() < _CONTAINER_SHARE:
        header = wav_header(sum(map(len, chunks)))
        chunks[0] = header + chunks[0]
    return ScriptedSession(session, chunks, indexed, len(header))


def _samples(rng: random.Random, highest: int) -> bytes:
    """Return samples from 0 to 256 times `highest`: positive, so that no header of any format appears among them."""
    count = rng.randint(*_SAMPLES)
    low, high = rng.randbytes(count), rng.randbytes(count)
    if highest == _QUIET:
        low = low.translate(_LOW_BIT)
    samples = bytearray(2 * count)
    samples[::2] = low
    samples[1::2] = high.translate(bytes(byte % highest for byte in range(256)))
    return bytes(samples)


_LOW_BIT = bytes(byte & 1 for byte in range(256))
