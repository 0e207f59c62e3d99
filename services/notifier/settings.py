"""What the notifier can be told from outside."""

from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from services.notifier.origin import normal_origin
from shared.settings import ServiceSettings

_MIB = 1024 * 1024


def _origins(value: object) -> object:
    """Split a comma separated list; `*` stands for every origin."""
    if not isinstance(value, str):
        return value
    items = [item.strip() for item in value.split(",")]
    return [item if item == "*" else normal_origin(item) for item in items if item]


class NotifierSettings(ServiceSettings):
    """Limits in bytes and clients, times in seconds.

    `cors_allowed_origins` lists, comma separated, the pages beside our own that may listen. Each client may have
    `notify_max_buffered` bytes waiting before it is let go as too slow.
    """

    port: int = Field(default=8003, ge=0, le=65535)
    cors_allowed_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = ()
    notify_max_buffered: int = Field(default=_MIB, ge=1024)
    notify_max_clients: int = Field(default=1000, ge=1)
    notify_heartbeat_seconds: float = Field(default=15.0, ge=0.1, le=300)
