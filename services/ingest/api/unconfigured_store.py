"""Replaces the object store when none is configured; every operation raises Unavailable (503)."""

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, NoReturn, cast

from pydantic import SecretStr

from shared.domain.errors import Unavailable
from shared.storage.object_store import ObjectStore, open_store
from shared.storage.settings import StoreConfig, StoreSettings

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

_NOWHERE = StoreConfig(endpoint="", bucket="", access_key="", secret_key=SecretStr(""), address="", part_order="any")


def store_not_configured_error() -> Unavailable:
    """Return the error for requests that need the bucket (docs/contracts.md, section 5)."""
    return Unavailable("Cloudflare R2 not configured", code="store_not_configured")


class _UnconfiguredClient:
    """S3 client whose every operation raises Unavailable."""

    def __getattr__(self, _operation: str) -> NoReturn:
        raise store_not_configured_error()


async def open_optional_store(stack: AsyncExitStack, settings: StoreSettings) -> ObjectStore:
    """Open the configured object store, or return one whose every operation raises Unavailable."""
    if not settings.has_store_settings:
        return ObjectStore(cast("S3Client", _UnconfiguredClient()), _NOWHERE)
    return await stack.enter_async_context(open_store(settings.store()))
