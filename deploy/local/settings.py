"""Environment variables of the one-machine form: those that every service has, and the data folder."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from shared.runtime.settings import ServiceSettings
from shared.storage.settings import SpoolSettings, StoreSettings


class LocalSettings(ServiceSettings, SpoolSettings):
    """The settings that the one-machine form reads itself; each service reads its own besides."""

    data_dir: Path = Path("data")
    shutdown_grace_seconds: int = Field(default=5, ge=1, le=300)

    @property
    def own_bus(self) -> bool:
        """Whether the embedded bus is used: NATS_URL is not set."""
        return "nats_url" not in self.model_fields_set

    @property
    def spool(self) -> Path | None:
        """The spool's folder if LOCAL_TEMP_CHUNK_PATH is set, else None."""
        return self.local_temp_chunk_path if "local_temp_chunk_path" in self.model_fields_set else None


class NamedStore(StoreSettings):
    """The store's settings read without their check: only whether any of them is set matters here."""

    @model_validator(mode="after")
    def _check_store(self) -> Self:
        return self

    @property
    def given(self) -> bool:
        """Whether the environment names a store, which is then used instead of the embedded one."""
        return self.has_store_settings
