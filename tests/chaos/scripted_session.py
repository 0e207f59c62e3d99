"""One session as its client means it, and what it was told of it."""

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

    With `indexed` its chunks say where they go; otherwise they are appended, so that one whose answer was lost may
    be there twice. With a `header` the first chunk begins with one of a WAV's, which is decoded; without, all are
    headerless PCM. `result` is the hash that a finalize was answered with.
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
        """Note what was promised; returns what is wrong with it, if anything."""
        self.promises += 1
        digest = sha256(content)
        before = self.acknowledged.setdefault(index, digest)
        return None if before == digest else f"{self.session}: chunk {index} was acknowledged with two contents"


def random_session(session: str, dice: random.Random) -> ScriptedSession:
    """Draw a call; every chunk is different from every other."""
    indexed = dice.random() < 0.7
    highest = _LOUD if dice.random() < _LOUD_SHARE else _QUIET
    chunks = [_samples(dice, highest) for _ in range(dice.randint(*_CHUNKS))]
    header = b""
    if indexed and dice.random() < _CONTAINER_SHARE:
        header = wav_header(sum(map(len, chunks)))
        chunks[0] = header + chunks[0]
    return ScriptedSession(session, chunks, indexed, len(header))


def _samples(dice: random.Random, highest: int) -> bytes:
    """Return samples from 0 to `highest` times 256: positive, so that no header of any format appears among them."""
    count = dice.randint(*_SAMPLES)
    low, high = dice.randbytes(count), dice.randbytes(count)
    if highest == _QUIET:
        low = low.translate(_LOW_BIT)
    samples = bytearray(2 * count)
    samples[::2] = low
    samples[1::2] = high.translate(bytes(byte % highest for byte in range(256)))
    return bytes(samples)


_LOW_BIT = bytes(byte & 1 for byte in range(256))
