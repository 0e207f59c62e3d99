"""The voice detector in the models' process."""

import numpy as np

from services.analyzer.model_process.models import LocalModels
from services.analyzer.transcribe.voice import MEMORY_BYTES, Probabilities, VoiceMemory
from shared.audio.pcm import BYTES_PER_SECOND


class LocalVoiceDetector:
    """Detects speech with Silero's model, which the models' process loads."""

    def __init__(self, models: LocalModels) -> None:
        self._models = models

    async def detect(self, pcm: bytes, memory: VoiceMemory) -> tuple[Probabilities, VoiceMemory]:
        """Return a probability for each chunk, and the memory; raises what `LocalModels.run` raises."""
        content = await self._models.run("voice", memory + pcm, seconds=len(pcm) / BYTES_PER_SECOND)
        return np.frombuffer(content[MEMORY_BYTES:], np.float32), VoiceMemory(content[:MEMORY_BYTES])
