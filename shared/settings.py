"""Settings that more than one service reads: environment first, then `.env`, validated whole at the start."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode

from shared.auth.settings import TokenSettings
from shared.http.body import BodyLimits
from shared.http.cross_origin import OriginPolicy
from shared.http.host import is_loopback, listed_hosts
from shared.http.origin import listed_origins

PartOrder = Literal["any", "ascending"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BusConfig:
    """Where the bus is, how many copies of each event it keeps, and for how many days."""

    url: str
    replicas: int = 1
    max_age_days: int = 30


class ServiceSettings(TokenSettings):
    """What every service needs: who may call, where it listens, where the bus is, how it logs and how it stops.

    `cors_allowed_origins` lists, comma separated, the pages beside our own that may call; `allowed_hosts` the names
    beside loopback's under which a server on loopback without tokens answers, such as a gateway's. Who sends a body
    may be silent for `body_idle_seconds` at a time, and beyond them must send `min_body_rate` bytes a second; 0 for
    no rate.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    allow_anonymous: bool = False
    cors_allowed_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed_origins)] = ()
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed_hosts)] = ()
    body_idle_seconds: float = Field(default=30.0, gt=0, le=600)
    min_body_rate: float = Field(default=500.0, ge=0, le=1_000_000)
    nats_url: str = "nats://127.0.0.1:4222"
    nats_replicas: int = Field(default=1, ge=1, le=5)
    stream_max_age_days: int = Field(default=30, ge=1)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "console"] = "auto"
    shutdown_grace_seconds: int = Field(default=10, ge=1, le=300)

    def bus(self) -> BusConfig:
        """Return what the bus's client needs."""
        return BusConfig(url=self.nats_url, replicas=self.nats_replicas, max_age_days=self.stream_max_age_days)

    def body_limits(self, size: int) -> BodyLimits:
        """Return what a body of at most `size` bytes may take."""
        return BodyLimits(size=size, idle=self.body_idle_seconds, slowest=self.min_body_rate)

    def origins(self) -> OriginPolicy:
        """Return which pages may call."""
        anonymous = not self.authenticates
        hosts = self.allowed_hosts if anonymous and is_loopback(self.host) else None
        return OriginPolicy(self.cors_allowed_origins, guarded=anonymous, hosts=hosts)

    @model_validator(mode="after")
    def _refuse_to_be_open_by_accident(self) -> Self:
        faults = list(self.token_faults())
        if not (self.authenticates or self.allow_anonymous or is_loopback(self.host)):
            faults.append(
                f"HOST={self.host} is reachable from other machines and no authentication is configured: "
                "set MAIN_SERVICE_JWT_PUBLIC_KEY or MAIN_SERVICE_JWKS_URL, set ALLOW_ANONYMOUS=true if that is "
                "meant, or listen on 127.0.0.1"
            )
        if faults:
            raise ValueError("; ".join(faults))
        return self


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """One bucket on one S3-compatible store.

    `address` is what the URL of an object starts with, without a trailing slash; with `public`, everyone can read
    there. `part_order` says whether the store takes the parts of a multipart upload in any order (R2, S3) or only
    ascending without buffering them. `folder` is where a store on this machine keeps its objects, if it confirms them
    before they are on the disk.
    """

    endpoint: str
    bucket: str
    access_key: str
    secret_key: SecretStr
    address: str
    part_order: PartOrder
    public: bool = False
    folder: Path | None = None


class StoreSettings(BaseSettings):
    """The bucket, under the three families of names that exist for it; two that disagree are refused.

    A service that has work to do without any bucket sets `needs_store` to False; half of one is refused all the same.
    `store_folder` is where a store on this machine keeps the bucket's objects, if it does not sync them itself.
    """

    model_config = ServiceSettings.model_config
    needs_store: ClassVar[bool] = True

    r2_account_id: str | None = None
    cloudflare_r2_account_id: str | None = None
    s3_endpoint_url: str | None = None
    r2_access_key_id: str | None = None
    s3_access_key: str | None = None
    cloudflare_r2_access_key_id: str | None = None
    r2_secret_access_key: SecretStr | None = None
    s3_secret_key: SecretStr | None = None
    cloudflare_r2_secret_access_key: SecretStr | None = None
    r2_bucket_name: str | None = None
    s3_bucket_name: str | None = None
    cloudflare_r2_bucket_name: str | None = None
    cloudflare_r2_public_url: str | None = None
    store_part_order: PartOrder = "any"
    store_folder: Path | None = None

    @model_validator(mode="after")
    def _names_agree_and_nothing_is_missing(self) -> Self:
        if self.needs_store or self.names_store:
            self.store()
        return self

    @property
    def names_store(self) -> bool:
        """Whether anything at all says which bucket it is."""
        return any(getattr(self, name) is not None for name in _STORE_NAMES)

    def store(self) -> StoreConfig:
        """Resolve the aliases; raises ValueError naming every setting that is missing or disagrees."""
        faults: list[str] = []
        access_key = self._one_of(faults, "r2_access_key_id", "s3_access_key", "cloudflare_r2_access_key_id")
        secret_key = self._one_of(faults, "r2_secret_access_key", "s3_secret_key", "cloudflare_r2_secret_access_key")
        bucket = self._one_of(faults, "r2_bucket_name", "s3_bucket_name", "cloudflare_r2_bucket_name")
        endpoint, address = self._where(faults, bucket)
        if faults:
            raise ValueError("; ".join(faults))
        if self.cloudflare_r2_public_url is not None:
            address = self.cloudflare_r2_public_url.rstrip("/")
        return StoreConfig(
            endpoint=endpoint,
            bucket=bucket,
            access_key=access_key,
            secret_key=SecretStr(secret_key),
            address=address,
            part_order=self.store_part_order,
            public=self.cloudflare_r2_public_url is not None,
            folder=self.store_folder,
        )

    def _where(self, faults: list[str], bucket: str) -> tuple[str, str]:
        """Return the API's endpoint and what an object's own address starts with."""
        if self.s3_endpoint_url is not None:
            endpoint = self.s3_endpoint_url.rstrip("/")
            return endpoint, f"{endpoint}/{bucket}"
        account = self._one_of(faults, "r2_account_id", "cloudflare_r2_account_id", instead="S3_ENDPOINT_URL")
        host = f"{account}.r2.cloudflarestorage.com"
        return f"https://{host}", f"https://{bucket}.{host}"

    def _one_of(self, faults: list[str], *names: str, instead: str | None = None) -> str:
        given = {name.upper(): _plain(getattr(self, name)) for name in names if getattr(self, name) is not None}
        if not given:
            wanted = [name.upper() for name in names] + ([instead] if instead else [])
            faults.append(f"one of {', '.join(wanted)} must be set")
            return ""
        if len(set(given.values())) > 1:
            faults.append(f"{' and '.join(given)} name the same thing but disagree: keep one")
        return next(iter(given.values()))


_STORE_NAMES = StoreSettings.model_fields.keys() - {"store_part_order", "store_folder", "cloudflare_r2_public_url"}


def _plain(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


class SpoolSettings(BaseSettings):
    """Where chunks wait on disk until their WAV is in the bucket; one filesystem, shared by ingest and assembler."""

    model_config = ServiceSettings.model_config

    local_temp_chunk_path: Path = Path("data/spool")


class WorkSettings(BaseSettings):
    """How a queue's work is given out: `redelivery_seconds` without a sign of life of its worker, and it is another's.

    A worker that lives gives three signs in that time.
    """

    model_config = ServiceSettings.model_config

    redelivery_seconds: float = Field(default=30.0, ge=1, le=600)
