"""Environment variables of the assembler."""

from pydantic import Field

from shared.audio.ffmpeg_process import DecodePolicy
from shared.audio.settings import FFmpegSettings
from shared.messaging.settings import WorkSettings
from shared.runtime.settings import ServiceSettings
from shared.storage.settings import SpoolSettings, StoreSettings


class AssemblerSettings(ServiceSettings, SpoolSettings, StoreSettings, FFmpegSettings, WorkSettings):
    """Concurrent jobs, tries and delay of the first retry in seconds, and the decoder's program and limits."""

    port: int = Field(default=8002, ge=0, le=65535)
    assembler_concurrency: int = Field(default=2, ge=1, le=64)
    assembler_tries: int = Field(default=12, ge=1, le=100)
    assembler_retry_seconds: float = Field(default=5.0, gt=0, le=300)
    max_audio_seconds: int = Field(default=24 * 3600, ge=1, le=36 * 3600)
    decode_cpu_seconds: int = Field(default=1800, ge=1)
    decode_idle_seconds: float = Field(default=120.0, gt=0)

    def decode_policy(self) -> DecodePolicy:
        """Return the decoder's limits."""
        return DecodePolicy(
            ffmpeg=self.ffmpeg(),
            max_audio_seconds=self.max_audio_seconds,
            cpu_seconds=self.decode_cpu_seconds,
            idle_seconds=self.decode_idle_seconds,
        )
