"""Environment variables of the notifier."""

from pydantic import Field

from shared.runtime.settings import ServiceSettings

_MIB = 1024 * 1024


class NotifierSettings(ServiceSettings):
    """Limits in bytes and clients, times in seconds.

    A client with more than `notify_max_buffered` bytes waiting is closed as too slow.
    """

    port: int = Field(default=8003, ge=0, le=65535)
    notify_max_buffered: int = Field(default=_MIB, ge=1024)
    notify_max_clients: int = Field(default=1000, ge=1)
    notify_heartbeat_seconds: float = Field(default=15.0, ge=0.1, le=300)
