"""The server's JSON, WebSocket frames and response bodies, parsed into typed values."""

from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from deploy.local.demo.errors import DemoError

_NOT_SHOWN = {"hello", "heartbeat"}
_LAST = {"audio_failed", "analysis_ready", "analysis_failed"}


class Frame(BaseModel):
    """One frame of the WebSocket; members that its event does not have are None."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    event: str
    reason: str | None = None
    temperature: int | None = None
    confidence: float | None = None
    analysis_summary: str | None = None

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse a text frame; raises DemoError for any other text."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as exc:
            raise DemoError(f"The server told something that is no event: {text[:200]}") from exc

    @property
    def worth_showing(self) -> bool:
        """Whether the frame is about the recording, not about the connection itself."""
        return self.event not in _NOT_SHOWN

    @property
    def last(self) -> bool:
        """Whether no further event of the recording will come."""
        return self.event in _LAST


class ResponseBody(BaseModel):
    """The JSON object of an HTTP response; all defaults for a body that is not one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: str | None = None
    url: str | None = None
    message: str = "no reason given"

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Parse a body of any content."""
        try:
            return cls.model_validate_json(body)
        except ValidationError:
            return cls()
