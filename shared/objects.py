"""The bucket: the few S3 operations we need, with the settings that R2 needs."""

import base64
import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from shared.errors import RoomtoneError, Unavailable
from shared.settings import PartOrder, StoreConfig

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.type_defs import GetObjectOutputTypeDef

_READ_SIZE = 256 * 1024
_WINDOW = 8 * 1024 * 1024
_MISSING = {"404", "NoSuchKey", "NotFound"}
_SIGNED_FOR_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What the store says of an object; `metadata` may be empty on stores that forget it."""

    size: int
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PartReceipt:
    """The store's word that it holds part `number` (from 1)."""

    number: int
    etag: str


class ObjectStore:
    """One bucket. Every call is retried a few times by the client, then raises Unavailable."""

    def __init__(self, client: "S3Client", config: StoreConfig) -> None:
        self._client = client
        self._bucket = config.bucket
        self._address = config.address
        self.part_order: PartOrder = config.part_order

    def url(self, key: str) -> str:
        """Return the object's own address; whether it can be read there without a signature is the bucket's matter."""
        return f"{self._address}/{key}"

    async def put(self, key: str, body: bytes, *, content_type: str, metadata: Mapping[str, str]) -> None:
        """Store a whole object in one request, its integrity checked by the store."""
        with _translated():
            await self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                ContentMD5=_md5(body),
                Metadata=dict(metadata),
            )

    async def head(self, key: str) -> ObjectInfo | None:
        """Look an object up; None if there is none."""
        with _translated():
            try:
                answer = await self._client.head_object(Bucket=self._bucket, Key=key)
            except ClientError as exc:
                if exc.response["Error"]["Code"] in _MISSING:
                    return None
                raise
            return ObjectInfo(answer["ContentLength"], answer["Metadata"])

    async def read(self, key: str) -> AsyncGenerator[bytes, None]:
        """Yield an object's bytes in order, some hundred kilobytes at a time, as slowly as the caller likes.

        Each request asks for a window, so that a reader who takes minutes holds no connection open for them; all
        windows are of the same object. Raises Unavailable if it is not there or was replaced meanwhile.
        """
        offset, total, etag = 0, 1, None
        while offset < total:
            with _translated():
                answer = await self._window(key, offset, etag)
                etag = answer["ETag"]
                total = int(answer["ContentRange"].rpartition("/")[2])
                end = offset
                async with answer["Body"] as body:
                    while piece := await body.read(_READ_SIZE):
                        end += len(piece)
                        yield piece
            if end == offset:
                raise Unavailable("The store ended an object early.", code="store_truncated")
            offset = end

    async def _window(self, key: str, offset: int, etag: str | None) -> "GetObjectOutputTypeDef":
        window = f"bytes={offset}-{offset + _WINDOW - 1}"
        if etag is None:
            return await self._client.get_object(Bucket=self._bucket, Key=key, Range=window)
        return await self._client.get_object(Bucket=self._bucket, Key=key, Range=window, IfMatch=etag)

    async def begin_parts(self, key: str, *, content_type: str, metadata: Mapping[str, str]) -> str:
        """Start a multipart upload and return its id."""
        with _translated():
            answer = await self._client.create_multipart_upload(
                Bucket=self._bucket, Key=key, ContentType=content_type, Metadata=dict(metadata)
            )
            return answer["UploadId"]

    async def put_part(self, key: str, upload: str, number: int, body: bytes) -> PartReceipt:
        """Send part `number` (from 1); all but the last must be of one size, at least 5 MiB (R2)."""
        with _translated():
            answer = await self._client.upload_part(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload,
                PartNumber=number,
                Body=body,
                ContentMD5=_md5(body),
            )
            return PartReceipt(number, answer["ETag"])

    async def complete_parts(self, key: str, upload: str, parts: list[PartReceipt]) -> None:
        """Make the object out of its parts; the caller looks it up afterwards, since 200 may hold an error."""
        with _translated():
            await self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload,
                MultipartUpload={
                    "Parts": [
                        {"PartNumber": part.number, "ETag": part.etag}
                        for part in sorted(parts, key=lambda part: part.number)
                    ]
                },
            )

    async def abort_parts(self, key: str, upload: str) -> None:
        """Drop an unfinished multipart upload, which would cost money otherwise."""
        with _translated():
            await self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload)

    async def signed_url(self, key: str) -> str:
        """Return an address from which anyone can read the object for an hour."""
        return await self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=_SIGNED_FOR_SECONDS
        )

    async def check(self) -> str | None:
        """Say why the bucket is of no use right now, or None."""
        try:
            with _translated():
                await self._client.head_bucket(Bucket=self._bucket)
        except RoomtoneError as exc:
            return f"the bucket can't be used ({exc.code}): check the store's settings"
        return None


def _md5(body: bytes) -> str:
    """Return the Content-MD5 of a body: a wire checksum that R2 and its relatives verify, not a signature."""
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the client library's errors into Unavailable, with the store's code and nothing else of its text."""
    try:
        yield
    except ClientError as exc:
        code = exc.response.get("Error", {}).get("Code", "unknown")
        raise Unavailable(f"The store refused the request ({code}).", code="store_refused") from exc
    except (BotoCoreError, HTTPClientError, OSError) as exc:
        raise Unavailable("The store is not reachable.", code="store_unreachable") from exc


@cache
def _session() -> AioSession:
    """Return this process's one session: it holds the parsed description of S3, 12 MB a copy.

    Nothing of the user's own AWS configuration is read: a profile that is missing would end us, and what one
    says of endpoints or checksums is about another store.
    """
    return get_session(
        {
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )


@asynccontextmanager
async def open_store(config: StoreConfig) -> AsyncIterator[ObjectStore]:
    """Open a client for one bucket.

    Checksums only when required and path addressing, since R2 refuses the newer defaults; bodies are not hashed
    once more for the signature where TLS guards them. Nothing is sent before the first call.
    """
    client_config = AioConfig(
        signature_version="s3v4",
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={
            "addressing_style": "path",
            "payload_signing_enabled": not config.endpoint.startswith("https://"),
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
        yield ObjectStore(client, config)
