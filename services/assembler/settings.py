"""What the assembler can be told from outside."""

import os
from pathlib import Path

import imageio_ffmpeg
from pydantic import Field, field_validator

from shared.audio.decode import DecodePolicy
from shared.settings import ServiceSettings, SpoolSettings, StoreSettings


class AssemblerSettings(ServiceSettings, SpoolSettings, StoreSettings):
    """Jobs at once, tries and first delay of a retry in seconds, the decoder's program and limits.

    `store_folder` is where a store on this machine keeps the bucket's objects, if it does not sync them itself.
    """

    port: int = Field(default=8002, ge=0, le=65535)
    assembler_concurrency: int = Field(default=2, ge=1, le=64)
    assembler_tries: int = Field(default=12, ge=1, le=100)
    assembler_retry_seconds: float = Field(default=5.0, gt=0, le=300)
    store_folder: Path | None = None
    ffmpeg_path: str | None = None
    max_audio_seconds: int = Field(default=24 * 3600, ge=1, le=36 * 3600)
    decode_cpu_seconds: int = Field(default=1800, ge=1)
    decode_idle_seconds: float = Field(default=120.0, gt=0)

    @field_validator("ffmpeg_path")
    @classmethod
    def _can_be_run(cls, path: str | None) -> str | None:
        if path is not None and not os.access(path, os.X_OK):
            raise ValueError("is not a program that can be run: give the path of an ffmpeg, or leave it unset")
        return path

    def decode_policy(self) -> DecodePolicy:
        """Return the decoder's limits; without a setting the program comes from the `imageio-ffmpeg` package."""
        return DecodePolicy(
            ffmpeg=self.ffmpeg_path or imageio_ffmpeg.get_ffmpeg_exe(),
            max_audio_seconds=self.max_audio_seconds,
            cpu_seconds=self.decode_cpu_seconds,
            idle_seconds=self.decode_idle_seconds,
        )
