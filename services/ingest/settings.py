"""What ingest can be told from outside."""

from pydantic import Field

from shared.settings import ServiceSettings, SpoolSettings, StoreSettings

_MIB = 1024 * 1024


class IngestSettings(ServiceSettings, SpoolSettings, StoreSettings):
    """Limits in bytes and seconds; `min_free_disk` in percent of the spool's disk."""

    port: int = Field(default=8001, ge=0, le=65535)
    max_chunk_size: int = Field(default=16 * _MIB, ge=1)
    max_session_size: int = Field(default=2048 * _MIB, ge=1)
    min_free_disk: float = Field(default=5.0, ge=0, lt=100)
    finalize_wait_seconds: float = Field(default=60.0, ge=0, le=600)
    body_idle_seconds: float = Field(default=30.0, gt=0, le=600)
    spool_threads: int = Field(default=16, ge=1, le=128)
