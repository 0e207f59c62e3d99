"""Settings of the callback to the main service: its address, the signing secret, and retries."""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import AfterValidator, AnyHttpUrl, Field, SecretStr, model_validator

from shared.env import EnvSettings

_PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)  # Standard Webhooks 1.0, "Signature scheme"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackConfig:
    """Configuration of one receiver; the address is trusted, since the operator sets it; times are in seconds."""

    url: str
    secret: SecretStr
    tries: int
    first_retry: float
    timeout: float
    concurrency: int


def _signing_secret(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(_PREFIX) or len(key) not in _KEY_BYTES:
        raise ValueError(
            f"must be {_PREFIX} followed by 24 to 64 random bytes in base64; "
            f'make one with: echo "{_PREFIX}$(openssl rand -base64 32)"'
        )
    return secret


class CallbackSettings(EnvSettings):
    """Without a callback address no callbacks are sent; with one, every callback is signed."""

    main_service_callback_url: AnyHttpUrl | None = None
    webhook_secret: Annotated[SecretStr, AfterValidator(_signing_secret)] | None = None
    callback_tries: int = Field(default=32, ge=1, le=1000)
    callback_first_retry_seconds: float = Field(default=5.0, gt=0, le=3600)
    callback_timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    callback_concurrency: int = Field(default=8, ge=1, le=256)

    def callback(self) -> CallbackConfig | None:
        """Return the receiver's configuration, or None without a callback address."""
        if self.main_service_callback_url is None or self.webhook_secret is None:
            return None
        return CallbackConfig(
            url=str(self.main_service_callback_url),
            secret=self.webhook_secret,
            tries=self.callback_tries,
            first_retry=self.callback_first_retry_seconds,
            timeout=self.callback_timeout_seconds,
            concurrency=self.callback_concurrency,
        )

    @model_validator(mode="after")
    def _require_secret(self) -> Self:
        if self.main_service_callback_url is not None and self.webhook_secret is None:
            raise ValueError("MAIN_SERVICE_CALLBACK_URL needs WEBHOOK_SECRET, which signs what is sent there")
        return self
