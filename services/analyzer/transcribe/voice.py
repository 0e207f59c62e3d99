"""The interface of a voice detector: blocks of samples in, probabilities of speech out."""

from typing import NewType, Protocol

import numpy as np
from numpy.typing import NDArray

CHUNK = 512
"""Samples (32 ms) that have one probability."""

MEMORY_BYTES = 4 * (64 + 256)

VoiceMemory = NewType("VoiceMemory", bytes)
"""What a detector knows of the sound before a block."""

NO_MEMORY = VoiceMemory(bytes(MEMORY_BYTES))
"""The memory at a recording's start."""

Probabilities = NDArray[np.float32]


class VoiceDetector(Protocol):
    """Finds speech in sound; it keeps nothing between two calls."""

    async def detect(self, pcm: bytes, memory: VoiceMemory) -> tuple[Probabilities, VoiceMemory]:
        """Return a probability for each chunk of `pcm`, whole chunks of 16 kHz, and the memory for the next block.

        Raises Unavailable when another try may succeed, Permanent when none will.
        """
