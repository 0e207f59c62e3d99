"""Settings of all services, from the environment, then `.env`; all faults are reported together at the start."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode

from shared.auth.settings import TokenSettings
from shared.http.body import BodyLimits
from shared.http.middleware.cross_origin import OriginPolicy
from shared.http.origins import is_loopback, parse_host_list, parse_origin_list
from shared.messaging.settings import BusConfig


class ServiceSettings(TokenSettings):
    """Settings that every service has: tokens, address, bus, limits of bodies, logging and shutdown.

    `cors_allowed_origins` lists, comma separated, origins of other pages that may call; `allowed_hosts` the host names
    besides loopback's, such as a gateway's, that a server on loopback without tokens accepts. A body may pause for
    `body_idle_seconds` at a time, and beyond them must bring `min_body_rate` bytes a second on average; 0 for no rate.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    allow_anonymous: bool = False
    cors_allowed_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(parse_origin_list)] = ()
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(parse_host_list)] = ()
    body_idle_seconds: float = Field(default=30.0, gt=0, le=600)
    min_body_rate: float = Field(default=500.0, ge=0, le=1_000_000)
    nats_url: str = "nats://127.0.0.1:4222"
    nats_replicas: int = Field(default=1, ge=1, le=5)
    stream_max_age_days: int = Field(default=30, ge=1)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "console"] = "auto"
    shutdown_grace_seconds: int = Field(default=10, ge=1, le=300)

    def bus_config(self) -> BusConfig:
        """Return the configuration of the NATS client."""
        return BusConfig(url=self.nats_url, replicas=self.nats_replicas, max_age_days=self.stream_max_age_days)

    def body_limits(self, size: int) -> BodyLimits:
        """Return the limits of a body of at most `size` bytes."""
        return BodyLimits(size=size, idle_seconds=self.body_idle_seconds, min_rate=self.min_body_rate)

    def origin_policy(self) -> OriginPolicy:
        """Return which pages and host names may call."""
        anonymous = not self.requires_token
        hosts = self.allowed_hosts if anonymous and is_loopback(self.host) else None
        return OriginPolicy(self.cors_allowed_origins, reject_foreign_writes=anonymous, hosts=hosts)

    @model_validator(mode="after")
    def _check_exposure(self) -> Self:
        faults = list(self.jwt_setting_errors())
        if not (self.requires_token or self.allow_anonymous or is_loopback(self.host)):
            faults.append(
                f"HOST={self.host} is reachable from other machines and no authentication is configured: "
                "set MAIN_SERVICE_JWT_PUBLIC_KEY or MAIN_SERVICE_JWKS_URL, set ALLOW_ANONYMOUS=true if that is "
                "meant, or listen on 127.0.0.1"
            )
        if faults:
            raise ValueError("; ".join(faults))
        return self
