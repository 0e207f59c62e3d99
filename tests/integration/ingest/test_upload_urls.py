"""Presigned upload URLs: what the bucket accepts there, and what it rejects."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import boto3
import httpx
import pytest
from botocore.config import Config

from deploy.local.object_store import RcloneStore
from shared.domain.clock import now
from shared.storage.settings import StoreConfig
from tests.integration.ingest.direct_uploads import PHOTO, SIGN, Uploader, in_bucket, put
from tests.integration.pipeline import Pipeline, ingest_running, ingest_settings
from tests.tokens import bearer, token_settings
from tests.waiting import until

NOWHERE = "nats://127.0.0.1:1"
KEY = re.compile(r"default/documents/\d{8}_\d{6}_[0-9a-f]{16}_receipt\.jpg")


@pytest.fixture(scope="module")
async def pipeline(tmp_path_factory: pytest.TempPathFactory, store_config: StoreConfig) -> AsyncIterator[Pipeline]:
    settings = ingest_settings(tmp_path_factory.mktemp("spool"), NOWHERE, store_config)
    async with ingest_running(settings) as pipeline:
        yield pipeline


@pytest.fixture
def client(pipeline: Pipeline) -> Uploader:
    return Uploader(pipeline, {})


async def test_a_signed_url_comes_with_all_that_a_client_needs(client: Uploader) -> None:
    asked_at = now()
    signed = await client.signed(expiration=600)
    assert set(signed) == {"success", "upload_url", "method", "headers", "object_key", "expires_at", "public_url"}
    assert (signed["success"], signed["method"], signed["public_url"]) == (True, "PUT", None)
    assert signed["headers"] == {"Content-Type": "image/jpeg"}
    assert KEY.fullmatch(signed["object_key"])
    left = datetime.fromisoformat(signed["expires_at"]) - asked_at
    assert timedelta(seconds=598) < left <= timedelta(seconds=601)


async def test_the_path_works_without_its_trailing_slash(client: Uploader) -> None:
    wanted = {"filename": "receipt.jpg", "content_type": "image/jpeg"}
    response = await client.pipeline.client.post(SIGN.rstrip("/"), json=wanted)
    assert (response.status_code, response.json()["success"]) == (200, True)


async def test_without_an_expiration_the_setting_applies(client: Uploader) -> None:
    signed = await client.signed()
    assert parse_qs(urlsplit(signed["upload_url"]).query)["X-Amz-Expires"] == ["3600"]


async def test_httpx_uploads_with_the_headers_given(client: Uploader, object_store: RcloneStore) -> None:
    signed = await client.signed(file_size=len(PHOTO))
    assert signed["headers"] == {"Content-Type": "image/jpeg", "Content-Length": str(len(PHOTO))}
    assert (await put(signed["upload_url"], PHOTO, signed["headers"])).status_code == 200
    assert in_bucket(object_store, signed["object_key"]) == PHOTO


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
async def test_curl_uploads_with_the_headers_given(client: Uploader, object_store: RcloneStore) -> None:
    signed = await client.signed(file_size=len(PHOTO), filename="Quittung für März.jpg")
    headers = [part for name, value in signed["headers"].items() for part in ("--header", f"{name}: {value}")]
    arguments = ("--silent", "--fail", "--request", signed["method"], *headers, "--data-binary", "@-")
    process = await asyncio.create_subprocess_exec(
        "curl", *arguments, signed["upload_url"], stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
    )
    await process.communicate(PHOTO)
    assert process.returncode == 0
    assert signed["object_key"].endswith("_Quittung_für_März.jpg")
    assert in_bucket(object_store, signed["object_key"]) == PHOTO


async def test_boto3_signs_the_same_and_reads_what_was_uploaded(client: Uploader, store_config: StoreConfig) -> None:
    signed = await client.signed(file_size=len(PHOTO))
    await put(signed["upload_url"], PHOTO, signed["headers"])

    def peer() -> tuple[str, bytes, str]:
        s3 = boto3.client(
            "s3",
            endpoint_url=store_config.endpoint,
            aws_access_key_id=store_config.access_key,
            aws_secret_access_key=store_config.secret_key.get_secret_value(),
            region_name="auto",
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        )
        place = {"Bucket": store_config.bucket, "Key": signed["object_key"]}
        length = {"ContentType": "image/jpeg", "ContentLength": len(PHOTO)}
        url = s3.generate_presigned_url("put_object", Params=place | length, ExpiresIn=3600)
        found = s3.get_object(**place)
        with found["Body"] as body:
            content = body.read()
        s3.close()
        return url, content, found["ContentType"]

    url, content, kind = await asyncio.to_thread(peer)
    assert (content, kind) == (PHOTO, "image/jpeg")
    ours, theirs = urlsplit(signed["upload_url"]), urlsplit(url)
    assert (ours.netloc, ours.path) == (theirs.netloc, theirs.path)
    own, other = parse_qs(ours.query), parse_qs(theirs.query)
    assert own.keys() == other.keys()
    assert own["X-Amz-SignedHeaders"] == other["X-Amz-SignedHeaders"] == ["content-length;content-type;host"]
    assert own["X-Amz-Credential"] == other["X-Amz-Credential"]
    assert (await put(url, PHOTO, signed["headers"])).status_code == 200


@pytest.mark.parametrize(
    "headers", [{"Content-Type": "text/html"}, {"Content-Type": "image/jpeg; a=b"}, {}], ids=["other", "more", "none"]
)
async def test_another_content_type_is_rejected_by_the_store(
    client: Uploader, object_store: RcloneStore, headers: dict[str, str]
) -> None:
    signed = await client.signed()
    assert (await put(signed["upload_url"], PHOTO, headers)).status_code == 403
    assert in_bucket(object_store, signed["object_key"]) is None


@pytest.mark.parametrize("content", [PHOTO + b"x", PHOTO[:-1], b""], ids=["longer", "shorter", "empty"])
async def test_another_length_is_rejected_by_the_store(
    client: Uploader, object_store: RcloneStore, content: bytes
) -> None:
    signed = await client.signed(file_size=len(PHOTO))
    rejected = await put(signed["upload_url"], content, {"Content-Type": "image/jpeg"})
    assert rejected.status_code == 403
    assert in_bucket(object_store, signed["object_key"]) is None


async def test_another_key_is_rejected_by_the_store(client: Uploader, object_store: RcloneStore) -> None:
    signed = await client.signed()
    elsewhere = signed["upload_url"].replace("receipt.jpg", "another.jpg")
    assert (await put(elsewhere, PHOTO, signed["headers"])).status_code == 403
    assert in_bucket(object_store, signed["object_key"].replace("receipt.jpg", "another.jpg")) is None


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
async def test_another_method_is_rejected_by_the_store(
    client: Uploader, object_store: RcloneStore, method: str
) -> None:
    signed = await client.signed()
    await put(signed["upload_url"], PHOTO, signed["headers"])
    async with httpx.AsyncClient() as anyone:
        rejected = await anyone.request(method, signed["upload_url"], headers=signed["headers"])
    assert rejected.status_code == 403
    assert in_bucket(object_store, signed["object_key"]) == PHOTO


async def test_an_expired_url_is_rejected_by_the_store(client: Uploader, object_store: RcloneStore) -> None:
    signed = await client.signed(expiration=1)
    over = datetime.fromisoformat(signed["expires_at"]) + timedelta(seconds=1)
    await until(lambda: now() > over)
    rejected = await put(signed["upload_url"], PHOTO, signed["headers"])
    assert rejected.status_code in {400, 403}, "R2 says 403"
    assert "<Code>AccessDenied</Code>" in rejected.text
    assert in_bucket(object_store, signed["object_key"]) is None


@pytest.mark.parametrize(
    "kind", ["image/jpeg", "text/plain; charset=utf-8", "audio/webm;codecs=opus", "application/vnd.ms-excel"]
)
async def test_content_types_with_simple_parameters_are_signed_as_they_are(client: Uploader, kind: str) -> None:
    signed = await client.signed(content_type=kind)
    assert (await put(signed["upload_url"], PHOTO, {"Content-Type": kind})).status_code == 200


async def test_a_public_bucket_has_a_public_url_in_the_response(
    tmp_path_factory: pytest.TempPathFactory, store_config: StoreConfig
) -> None:
    settings = ingest_settings(
        tmp_path_factory.mktemp("spool"),
        NOWHERE,
        store_config,
        cloudflare_r2_public_url="https://recordings.example.com/",
    )
    async with ingest_running(settings) as pipeline:
        signed = await Uploader(pipeline, {}).signed(filename="ü.jpg")
    assert signed["public_url"].startswith("https://recordings.example.com/default/documents/")
    assert signed["public_url"].endswith("_%C3%BC.jpg")
    assert signed["upload_url"].startswith(store_config.endpoint)


async def test_each_tenant_has_a_prefix_of_its_own_and_needs_the_scope(
    tmp_path_factory: pytest.TempPathFactory, store_config: StoreConfig
) -> None:
    settings = ingest_settings(tmp_path_factory.mktemp("spool"), NOWHERE, store_config, **token_settings())
    async with ingest_running(settings) as pipeline:
        signed = await Uploader(pipeline, bearer(tenant_id="acme")).signed()
        reading = await Uploader(pipeline, bearer(scope="audio:read")).sign()
        without_token = await Uploader(pipeline, {}).sign()
    assert signed["object_key"].startswith("acme/documents/")
    assert (reading.status_code, without_token.status_code) == (403, 401)
    assert reading.json()["success"] is without_token.json()["success"] is False
