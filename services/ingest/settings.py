"""Settings of the ingest service, read from environment variables."""

from typing import ClassVar

from pydantic import Field

from services.ingest.indexed_uploads.callbacks.settings import CallbackSettings
from shared.runtime.settings import ServiceSettings
from shared.storage.object_store import LONGEST_SIGNED_SECONDS
from shared.storage.settings import SpoolSettings, StoreSettings

_MIB = 1024 * 1024


class IngestSettings(ServiceSettings, SpoolSettings, StoreSettings, CallbackSettings):
    """Limits in bytes and seconds; `min_free_disk` in percent of the spool's disk.

    `chunk_size` is only advice to clients; `recordings_path` is the path of leads' recordings within a tenant's prefix
    in the bucket.

    At most `max_uploads_at_once` are in progress in a process, `max_uploads_per_tenant` of one tenant (0 for no limit);
    `tenant_quota_bytes` is how much one tenant may have waiting in the spool (0 for no quota). A session that receives
    nothing for `session_ttl_seconds` expires; ended sessions are removed from the spool after `ended_session_days`.

    Without a bucket ingest still takes chunks; requests that need the bucket get 503.
    """

    needs_store: ClassVar[bool] = False

    port: int = Field(default=8001, ge=0, le=65535)
    max_chunk_size: int = Field(default=16 * _MIB, ge=1)
    max_session_size: int = Field(default=2048 * _MIB, ge=1)
    chunk_size: int = Field(default=_MIB, ge=1)
    recordings_path: str = Field(
        default="recordings", max_length=200, pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$"
    )
    min_free_disk: float = Field(default=5.0, ge=0, lt=100)
    max_uploads_at_once: int = Field(default=256, ge=1, le=100_000)
    max_uploads_per_tenant: int = Field(default=0, ge=0)
    tenant_quota_bytes: int = Field(default=0, ge=0)
    session_ttl_seconds: float = Field(default=24 * 3600.0, ge=1)
    ended_session_days: float = Field(default=30.0, gt=0)
    finalize_wait_seconds: float = Field(default=60.0, ge=0, le=600)
    spool_threads: int = Field(default=16, ge=1, le=128)
    sync_threads: int = Field(default=64, ge=1, le=512)
    cloudflare_r2_enable_direct_upload: bool = True
    cloudflare_r2_signed_url_expiry: int = Field(default=3600, ge=1, le=LONGEST_SIGNED_SECONDS)
