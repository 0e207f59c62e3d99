"""What the analyzer can be told from outside."""

from typing import Self

from pydantic import Field, SecretStr, model_validator

from shared.settings import ServiceSettings, StoreSettings


class AnalyzerSettings(ServiceSettings, StoreSettings):
    """Times in seconds. With `openai_api_key` both models are asked for over the API, otherwise both are local.

    `model_deadline_seconds` is what a model may take for a piece of sound beyond its usual share of the piece's
    length; `analysis_first_retry_seconds` doubles with every try.
    """

    port: int = Field(default=5001, ge=0, le=65535)
    openai_api_key: SecretStr | None = None
    openai_base_url: str = Field(default="https://api.openai.com/v1", pattern=r"^https?://[^\s/]+")
    openai_transcribe_model: str = "whisper-1"  # the only one of theirs that says when something was said
    openai_score_model: str = "gpt-4o-mini"
    openai_retries: int = Field(default=2, ge=0, le=5)
    model_deadline_seconds: float = Field(default=30.0, gt=0, le=600)
    analyzer_concurrency: int = Field(default=1, ge=1, le=16)
    analysis_tries: int = Field(default=5, ge=1, le=20)
    analysis_first_retry_seconds: float = Field(default=5.0, gt=0, le=300)

    @model_validator(mode="after")
    def _the_key_fits_into_a_header(self) -> Self:
        key = self.openai_api_key
        if key is not None and not (key.get_secret_value().isascii() and key.get_secret_value().isprintable()):
            raise ValueError("OPENAI_API_KEY holds characters that no key has: was it pasted with a line break?")
        return self
