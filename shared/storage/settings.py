"""Settings of the bucket and of the spool."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import SecretStr, model_validator

from shared.env import EnvSettings

PartOrder = Literal["any", "ascending"]


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """One bucket on one S3-compatible store.

    `address` is the start of every object's URL, without a trailing slash; with `public`, everyone can read there.
    `part_order`: the store accepts the parts of a multipart upload in any order (R2, S3), or only ascending ones if it
    shall not buffer them. `folder` is the directory where a store on this machine keeps its objects, if it confirms
    them before they are on the disk.
    """

    endpoint: str
    bucket: str
    access_key: str
    secret_key: SecretStr
    address: str
    part_order: PartOrder
    public: bool = False
    folder: Path | None = None


class StoreSettings(EnvSettings):
    """The bucket, under the three sets of names that exist for its settings; names that disagree are an error.

    A service that can work without a bucket sets `needs_store` to False; an incomplete bucket is an error all the same.
    `store_folder` is the directory where a store on this machine keeps the bucket's objects, if it does not sync them
    itself.
    """

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
    def _check_store(self) -> Self:
        if self.needs_store or self.has_store_settings:
            self.store()
        return self

    @property
    def has_store_settings(self) -> bool:
        """Whether any setting of the bucket is given."""
        return any(getattr(self, name) is not None for name in _STORE_NAMES)

    def store(self) -> StoreConfig:
        """Return the bucket, with its aliases resolved; raises ValueError naming all settings at fault."""
        faults: list[str] = []
        access_key = self._resolve_alias(faults, "r2_access_key_id", "s3_access_key", "cloudflare_r2_access_key_id")
        secret_key = self._resolve_alias(
            faults, "r2_secret_access_key", "s3_secret_key", "cloudflare_r2_secret_access_key"
        )
        bucket = self._resolve_alias(faults, "r2_bucket_name", "s3_bucket_name", "cloudflare_r2_bucket_name")
        endpoint, address = self._endpoint_and_address(faults, bucket)
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

    def _endpoint_and_address(self, faults: list[str], bucket: str) -> tuple[str, str]:
        """Return the API's endpoint, and the start of every object's URL."""
        if self.s3_endpoint_url is not None:
            endpoint = self.s3_endpoint_url.rstrip("/")
            return endpoint, f"{endpoint}/{bucket}"
        account = self._resolve_alias(faults, "r2_account_id", "cloudflare_r2_account_id", instead="S3_ENDPOINT_URL")
        host = f"{account}.r2.cloudflarestorage.com"
        return f"https://{host}", f"https://{bucket}.{host}"

    def _resolve_alias(self, faults: list[str], *names: str, instead: str | None = None) -> str:
        given = {name.upper(): _plain_text(getattr(self, name)) for name in names if getattr(self, name) is not None}
        if not given:
            alternatives = [name.upper() for name in names] + ([instead] if instead else [])
            faults.append(f"one of {', '.join(alternatives)} must be set")
            return ""
        if len(set(given.values())) > 1:
            faults.append(f"{' and '.join(given)} name the same thing but disagree: keep one")
        return next(iter(given.values()))


_STORE_NAMES = StoreSettings.model_fields.keys() - {"store_part_order", "store_folder", "cloudflare_r2_public_url"}


def _plain_text(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


class SpoolSettings(EnvSettings):
    """The root directory of the spool, on one filesystem that ingest and assembler share."""

    local_temp_chunk_path: Path = Path("data/spool")
