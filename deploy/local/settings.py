"""Settings of the one-machine form: those of every service, and where it keeps its data."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from shared.runtime.settings import ServiceSettings
from shared.storage.settings import SpoolSettings, StoreSettings


class LocalSettings(ServiceSettings, SpoolSettings):
    """What the one-machine form reads itself; the four services read the rest of theirs."""

    data_dir: Path = Path("data")
    shutdown_grace_seconds: int = Field(default=5, ge=1, le=300)

    @property
    def own_bus(self) -> bool:
        """Whether we run the bus: nobody named one."""
        return "nats_url" not in self.model_fields_set

    @property
    def spool(self) -> Path | None:
        """The spool's place if one was named."""
        return self.local_temp_chunk_path if "local_temp_chunk_path" in self.model_fields_set else None


class NamedStore(StoreSettings):
    """Whether a store was named at all, completely or not."""

    @model_validator(mode="after")
    def _check_store(self) -> Self:
        return self

    @property
    def given(self) -> bool:
        """Whether somebody named a store, which we then use instead of our own."""
        return self.names_store
