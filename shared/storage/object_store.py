"""The bucket of an S3-compatible object store, with the few S3 operations that the services need."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from shared.domain.errors import NotFound, RoomtoneError, Unavailable
from shared.process.tasks import hash_off_loop
from shared.storage.durable_files import sync_file
from shared.storage.s3_client import open_s3_client, translated_errors
from shared.storage.settings import PartOrder, StoreConfig

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.type_defs import GetObjectOutputTypeDef

_READ_BYTES = 256 * 1024
_WINDOW_BYTES = 8 * 1024 * 1024
_MISSING = {"404", "NoSuchKey", "NotFound"}
SIGNED_FOR_SECONDS = 3600
LONGEST_SIGNED_SECONDS = 7 * 24 * 3600  # the most that S3 and R2 allow


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object's size in bytes, metadata and time of change; `metadata` is empty on stores that do not keep it."""

    size: int
    metadata: Mapping[str, str]
    modified: datetime


@dataclass(frozen=True, slots=True)
class UploadedPart:
    """The receipt for part `number` (from 1) of a multipart upload."""

    number: int
    etag: str


class ObjectStore:
    """One bucket. The client tries every call up to three times, then it raises Unavailable."""

    def __init__(self, client: "S3Client", config: StoreConfig) -> None:
        self._client = client
        self._bucket = config.bucket
        self._address = config.address
        self._public = config.public
        self._folder = config.folder
        self.part_order: PartOrder = config.part_order

    def url(self, key: str) -> str:
        """Return the object's unsigned URL; it can be read there only if the bucket is public."""
        return f"{self._address}/{quote(key)}"

    def public_url(self, key: str) -> str | None:
        """Return the URL from which everyone can read the object, or None for a private bucket."""
        return self.url(key) if self._public else None

    async def put(self, key: str, body: bytes, *, content_type: str, metadata: Mapping[str, str]) -> None:
        """Store an object in one request; the store verifies its Content-MD5."""
        with translated_errors():
            await self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                ContentMD5=await hash_off_loop(_content_md5, body),
                Metadata=dict(metadata),
            )

    async def sync(self, key: str) -> None:
        """Make a stored object durable on a store that confirms objects before they are on the disk; raises OSError.

        R2 and S3 confirm only what they have written redundantly, so there is nothing to do for them.
        """
        if self._folder is not None:
            await asyncio.to_thread(sync_file, self._folder / key, self._folder)

    async def head(self, key: str) -> ObjectInfo | None:
        """Return an object's size, metadata and time of change, or None if there is no such object."""
        with translated_errors():
            try:
                response = await self._client.head_object(Bucket=self._bucket, Key=key)
            except ClientError as exc:
                if exc.response["Error"]["Code"] in _MISSING:
                    return None
                raise
            return ObjectInfo(response["ContentLength"], response["Metadata"], response["LastModified"])

    async def read(self, key: str, first: int = 0, last: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield an object's bytes from `first` to `last` (inclusive), in order, up to 256 KiB at a time.

        Each request asks for a window of 8 MiB, so that a reader who takes minutes holds no connection open; all
        windows are of the same version of the object. Raises NotFound if there is no such object, and Unavailable if it
        ends early or was replaced meanwhile.
        """
        offset, end, etag = first, last, None
        while end is None or offset <= end:
            window_end = offset + _WINDOW_BYTES - 1
            with translated_errors():
                response = await self._get_window(
                    key, offset, window_end if end is None else min(window_end, end), etag
                )
                etag = response["ETag"]
                size = int(response["ContentRange"].rpartition("/")[2])
                end = size - 1 if end is None else min(end, size - 1)
                window_start = offset
                async with response["Body"] as body:
                    while piece := await body.read(_READ_BYTES):
                        offset += len(piece)
                        yield piece
            if offset == window_start:
                raise Unavailable("The store ended an object early.", code="store_truncated")

    async def _get_window(self, key: str, first: int, last: int, etag: str | None) -> "GetObjectOutputTypeDef":
        parameters: dict[str, Any] = {"Bucket": self._bucket, "Key": key, "Range": f"bytes={first}-{last}"}
        if etag is not None:
            parameters["IfMatch"] = etag
        try:
            return await self._client.get_object(**parameters)
        except ClientError as exc:
            if exc.response["Error"]["Code"] in _MISSING:
                raise NotFound("The object is not in the bucket.", code="object_missing") from exc
            raise

    async def delete(self, key: str) -> None:
        """Delete an object and abort its unfinished multipart uploads; succeeds also if there is no such object."""
        with translated_errors():
            await self._client.delete_object(Bucket=self._bucket, Key=key)
        # Not every store can list unfinished uploads; all drop them in time.
        with suppress(RoomtoneError), translated_errors():
            response = await self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=key)
            for upload in response.get("Uploads", ()):
                if upload["Key"] == key:
                    await self.abort_multipart_upload(key, upload["UploadId"])

    async def list_keys(self, prefix: str) -> AsyncGenerator[str, None]:
        """Yield the keys that start with `prefix`, in the store's order."""
        with translated_errors():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            async for page in pages:
                for item in page.get("Contents", ()):
                    yield item["Key"]

    async def create_multipart_upload(self, key: str, *, content_type: str, metadata: Mapping[str, str]) -> str:
        """Start a multipart upload and return its id."""
        with translated_errors():
            response = await self._client.create_multipart_upload(
                Bucket=self._bucket, Key=key, ContentType=content_type, Metadata=dict(metadata)
            )
            return response["UploadId"]

    async def upload_part(self, key: str, upload: str, number: int, body: bytes) -> UploadedPart:
        """Send part `number` (from 1); all but the last must be of one size, at least 5 MiB (R2)."""
        with translated_errors():
            response = await self._client.upload_part(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload,
                PartNumber=number,
                Body=body,
                ContentMD5=await hash_off_loop(_content_md5, body),
            )
            return UploadedPart(number, response["ETag"])

    async def complete_multipart_upload(self, key: str, upload: str, parts: list[UploadedPart]) -> None:
        """Join the parts into the object; check it with `head` afterwards, as a response of 200 may hold an error."""
        with translated_errors():
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

    async def abort_multipart_upload(self, key: str, upload: str) -> None:
        """Abort a multipart upload, so that its parts are not billed."""
        with translated_errors():
            await self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload)

    async def presigned_get(self, key: str, expires: int = SIGNED_FOR_SECONDS) -> str:
        """Return a URL from which anyone can read the object for `expires` seconds."""
        return await self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=expires
        )

    async def presigned_put(self, key: str, *, content_type: str, size: int | None, expires: int) -> str:
        """Return a URL to which anyone can PUT the object for `expires` seconds, of that type and size only.

        Method, key and content type are signed, and the length if `size` (bytes) is given.
        """
        parameters: dict[str, Any] = {"Bucket": self._bucket, "Key": key, "ContentType": content_type}
        if size is not None:
            parameters["ContentLength"] = size
        return await self._client.generate_presigned_url("put_object", Params=parameters, ExpiresIn=expires)

    async def check(self) -> str | None:
        """Return why the bucket can't be used right now, or None if it can."""
        try:
            with translated_errors():
                await self._client.head_bucket(Bucket=self._bucket)
        except RoomtoneError as exc:
            return f"the bucket can't be used ({exc.code}): check the store's settings"
        return None


def _content_md5(body: bytes) -> str:
    """Return the Content-MD5 of a body (RFC 1864): a checksum that S3-compatible stores verify, not a signature."""
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


@asynccontextmanager
async def open_store(config: StoreConfig) -> AsyncIterator[ObjectStore]:
    """Open one bucket; nothing is sent before the first call."""
    async with open_s3_client(config) as client:
        yield ObjectStore(client, config)
