"""The setting that names the FFmpeg program."""

import os

import imageio_ffmpeg
from pydantic import field_validator

from shared.env import EnvSettings


class FFmpegSettings(EnvSettings):
    """The path of FFmpeg: `FFMPEG_PATH`, or the program in the `imageio-ffmpeg` package."""

    ffmpeg_path: str | None = None

    @field_validator("ffmpeg_path")
    @classmethod
    def _can_be_run(cls, path: str | None) -> str | None:
        if path is not None and not os.access(path, os.X_OK):
            raise ValueError("is not a program that can be run: give the path of an ffmpeg, or leave it unset")
        return path

    def ffmpeg(self) -> str:
        """Return the program's path."""
        return self.ffmpeg_path or imageio_ffmpeg.get_ffmpeg_exe()
