"""Environment variables of the analyzer."""

import importlib.util
import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from services.analyzer.score.calibration import Calibration
from services.analyzer.transcribe.model_folder import recognise
from shared.audio.ffmpeg_process import DecodePolicy
from shared.audio.settings import FFmpegSettings
from shared.http.body import BodyLimits
from shared.messaging.settings import WorkSettings
from shared.runtime.settings import ServiceSettings
from shared.storage.settings import StoreSettings

_MIB = 1024 * 1024
_EXTENSION = re.compile(r"[a-z0-9]{1,16}", re.ASCII)
_EXTENSIONS = ("wav", "mp3", "m4a", "flac", "ogg", "aac", "webm", "mp4", "oga", "opus")
_LONGEST_RECORDING = 36 * 3600  # seconds: more than any assembler may be set to
_DECODE_CPU_SECONDS = 60  # an hour of MP3 takes a tenth of it
_DECODE_IDLE_SECONDS = 20.0


def _listed(value: object) -> object:
    """Split a comma-separated list of extensions, with or without their dots."""
    if not isinstance(value, str):
        return value
    names = [name.strip().lower().removeprefix(".") for name in value.split(",")]
    names = [name for name in names if name]
    if not names or any(_EXTENSION.fullmatch(name) is None for name in names):
        raise ValueError("is no list of extensions such as wav,mp3")
    return names


class AnalyzerSettings(ServiceSettings, StoreSettings, FFmpegSettings, WorkSettings):
    """Times in seconds. With `openai_api_key` both models are called over the API, otherwise both are local.

    `model_dir` is the folder of a sherpa-onnx model that takes the local speech model's place, `model_language` what it
    is told or known to speak. `model_deadline_seconds` is how long a model may take for a piece of audio beyond its
    usual share of the piece's length; `analysis_first_retry_seconds` doubles with every try. `analyzer_concurrency` is
    the work queue's. `calibration_file` is what `python -m services.analyzer calibrate` wrote. With `words_only` the
    local score is made of the words alone, and of nothing in how they were said.

    The rest is for one-shot analysis: `max_file_size` in MiB; `analyze_concurrency` requests are analyzed at once, each
    waits at most `analyze_wait_seconds` for its slot and takes at most `analyze_timeout_seconds` in all;
    `rate_limit_per_minute` for each caller, 0 for no limit.
    """

    port: int = Field(default=5001, ge=0, le=65535)
    openai_api_key: SecretStr | None = None
    openai_base_url: str = Field(default="https://api.openai.com/v1", pattern=r"^https?://[^\s/]+")
    openai_transcribe_model: str = "whisper-1"  # OpenAI's only model that returns timestamps
    openai_score_model: str = "gpt-4o-mini"
    openai_retries: int = Field(default=2, ge=0, le=5)
    openai_daily_seconds: int = Field(default=0, ge=0)
    openai_daily_tokens: int = Field(default=0, ge=0)
    model_dir: Path | None = None
    model_language: str | None = Field(default=None, pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    guess_speakers: bool = False
    model_deadline_seconds: float = Field(default=30.0, gt=0, le=600)
    calibration_file: Path | None = None
    words_only: bool = False
    analyzer_concurrency: int = Field(default=1, ge=1, le=16)
    analysis_tries: int = Field(default=5, ge=1, le=100)
    analysis_first_retry_seconds: float = Field(default=5.0, gt=0, le=300)

    max_file_size: float = Field(default=25.0, gt=0, le=1024)
    allowed_extensions: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = _EXTENSIONS
    max_duration_seconds: int = Field(default=300, ge=1, le=3600)
    rate_limit_per_minute: int = Field(default=60, ge=0, le=100_000)
    analyze_concurrency: int = Field(default=2, ge=1, le=64)
    analyze_wait_seconds: float = Field(default=20.0, gt=0, le=600)
    analyze_timeout_seconds: float = Field(default=300.0, gt=0, le=3600)

    def calibration(self) -> Calibration | None:
        """Return the map of the local scorer's temperatures, None without a file; raises CalibrationError."""
        return None if self.calibration_file is None else Calibration.load(self.calibration_file)

    def file_limits(self) -> BodyLimits:
        """Return the limits on a file for one-shot analysis."""
        return self.body_limits(int(self.max_file_size * _MIB))

    def decode_policy(self) -> DecodePolicy:
        """Return the decoder's limits for one-shot analysis."""
        return DecodePolicy(
            ffmpeg=self.ffmpeg(),
            max_audio_seconds=self.max_duration_seconds,
            cpu_seconds=_DECODE_CPU_SECONDS,
            idle_seconds=_DECODE_IDLE_SECONDS,
        )

    def channels_policy(self) -> DecodePolicy:
        """Return the decoder's limits for both channels of a stored recording, which the assembler has limited."""
        return DecodePolicy(ffmpeg=self.ffmpeg(), max_audio_seconds=_LONGEST_RECORDING)

    @field_validator("calibration_file")
    @classmethod
    def _check_calibration(cls, path: Path | None) -> Path | None:
        if path is not None:
            Calibration.load(path)
        return path

    @field_validator("model_dir")
    @classmethod
    def _check_model(cls, folder: Path | None) -> Path | None:
        if folder is None:
            return None
        recognise(folder)
        if importlib.util.find_spec("sherpa_onnx") is None:
            raise ValueError("needs the package sherpa-onnx: install roomtone[languages]")
        return folder.resolve()

    @model_validator(mode="after")
    def _check_model_language(self) -> Self:
        if self.model_dir is not None and self.model_language is None:
            kind = recognise(self.model_dir).kind
            if not kind.tells_language:
                raise ValueError(f"MODEL_LANGUAGE has to name the model's language: one of kind {kind} tells none")
        return self

    @model_validator(mode="after")
    def _check_key_fits_into_a_header(self) -> Self:
        key = self.openai_api_key
        if key is not None and not (key.get_secret_value().isascii() and key.get_secret_value().isprintable()):
            raise ValueError("OPENAI_API_KEY holds characters that no key has: was it pasted with a line break?")
        return self
