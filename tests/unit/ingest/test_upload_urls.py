"""URLs for R2, which are signed without a request to it."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from pydantic import SecretStr

from services.ingest.documents.upload_urls import AnnouncedFile, SignedUploadUrl, UploadUrlSigner
from shared.storage.object_store import LONGEST_SIGNED_SECONDS, ObjectStore, open_store
from shared.storage.settings import StoreConfig

R2 = StoreConfig(
    endpoint="https://account.r2.cloudflarestorage.com",
    bucket="files",
    access_key="key",
    secret_key=SecretStr("secret"),
    address="https://recordings.example.com",
    part_order="any",
    public=True,
)


@pytest.fixture
async def store() -> AsyncIterator[ObjectStore]:
    async with open_store(R2) as store:
        yield store


async def signed(store: ObjectStore, size: int | None) -> SignedUploadUrl:
    file = AnnouncedFile(filename="receipt.jpg", content_type="image/jpeg", size=size)
    return await UploadUrlSigner(store, 3600, 10**9).sign("acme", file, LONGEST_SIGNED_SECONDS)


@pytest.mark.parametrize(("size", "covered"), [(None, "content-type;host"), (1000, "content-length;content-type;host")])
async def test_a_url_of_r2_signs_type_and_length_and_asks_for_no_checksum(
    store: ObjectStore, size: int | None, covered: str
) -> None:
    address = await signed(store, size)
    parts = urlsplit(address.url)
    assert (parts.scheme, parts.netloc) == ("https", "account.r2.cloudflarestorage.com")
    assert unquote(parts.path) == f"/files/{address.object_key}"
    query = parse_qs(parts.query)
    assert query.keys() == {
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
    }
    assert query["X-Amz-SignedHeaders"] == [covered]
    assert query["X-Amz-Expires"] == ["604800"]
    assert query["X-Amz-Credential"][0].endswith("/auto/s3/aws4_request")
    assert {name.lower() for name in address.headers} | {"host"} == set(covered.split(";"))


async def test_the_secret_key_is_in_no_url(store: ObjectStore) -> None:
    assert "secret" not in str(await signed(store, None))


async def test_a_public_bucket_has_a_url_without_a_signature(store: ObjectStore) -> None:
    address = await signed(store, None)
    assert address.public_url == f"https://recordings.example.com/{address.object_key}"
