"""The server's JSON, read once into typed values."""

from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from deploy.local.demo.errors import DemoError

_SILENT = {"hello", "heartbeat"}
_LAST = {"audio_failed", "analysis_ready", "analysis_failed"}


class Frame(BaseModel):
    """One event as the WebSocket tells it; members that the kind of event does not have are None."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    event: str
    reason: str | None = None
    temperature: int | None = None
    confidence: float | None = None
    analysis_summary: str | None = None

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a text frame; raises DemoError when it is none."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as exc:
            raise DemoError(f"The server told something that is no event: {text[:200]}") from exc

    @property
    def worth_showing(self) -> bool:
        """Whether it is about the recording, not about the line itself."""
        return self.event not in _SILENT

    @property
    def last(self) -> bool:
        """Whether nothing more will happen to the recording."""
        return self.event in _LAST


class Answer(BaseModel):
    """The JSON object of an HTTP answer; empty for a body that is not one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: str | None = None
    url: str | None = None
    message: str = "no reason given"

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Read a body, whatever it is."""
        try:
            return cls.model_validate_json(body)
        except ValidationError:
            return cls()
