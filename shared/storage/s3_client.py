"""Opens the S3 client with the settings that R2 needs, and translates its errors."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import TYPE_CHECKING

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from shared.domain.errors import Unavailable
from shared.storage.settings import StoreConfig

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the client library's errors into Unavailable, with the store's error code and nothing else of its text."""
    try:
        yield
    except ClientError as exc:
        code = exc.response.get("Error", {}).get("Code", "unknown")
        raise Unavailable(f"The store refused the request ({code}).", code="store_refused") from exc
    except (BotoCoreError, HTTPClientError, OSError) as exc:
        raise Unavailable("The store is not reachable.", code="store_unreachable") from exc


@cache
def _session() -> AioSession:
    """Return the process's one client session: it holds the parsed description of S3, 12 MB a copy.

    The user's AWS configuration files are not read: a missing profile would end the process, and their endpoints and
    checksums are another store's.
    """
    return get_session(
        {
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )


@asynccontextmanager
async def open_s3_client(config: StoreConfig) -> AsyncIterator["S3Client"]:
    """Open a client for one bucket.

    Checksums are sent only when required, and buckets are addressed by path, as R2 rejects the newer defaults. Bodies
    are not hashed again for the signature, which covers the Content-MD5 of each. Nothing is sent before the first call.
    """
    client_config = AioConfig(
        signature_version="s3v4",
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={
            "addressing_style": "path",
            "payload_signing_enabled": False,
        },
        retries={"mode": "standard", "total_max_attempts": 3},
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=32,
    )
    async with _session().create_client(
        "s3",
        endpoint_url=config.endpoint,
        aws_access_key_id=config.access_key,
        aws_secret_access_key=config.secret_key.get_secret_value(),
        region_name="auto",
        config=client_config,
    ) as client:
        yield client
