"""Requests of an upload URL: which members are valid, and how filenames are reduced."""

import json
import re
from collections.abc import AsyncIterator

import pytest

from deploy.local.object_store import RcloneStore
from shared.storage.settings import StoreConfig
from tests.integration.ingest.direct_uploads import PHOTO, SIGN, Uploader, in_bucket
from tests.integration.pipeline import Pipeline, ingest_running, ingest_settings

NOWHERE = "nats://127.0.0.1:1"


@pytest.fixture(scope="module")
async def pipeline(tmp_path_factory: pytest.TempPathFactory, store_config: StoreConfig) -> AsyncIterator[Pipeline]:
    settings = ingest_settings(tmp_path_factory.mktemp("spool"), NOWHERE, store_config, max_session_size=1_000_000)
    async with ingest_running(settings) as pipeline:
        yield pipeline


@pytest.fixture
def client(pipeline: Pipeline) -> Uploader:
    return Uploader(pipeline, {})


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\call.mp3", "call.mp3"),
        ("a\x00b\r\nc.jpg", "abc.jpg"),
        ("gpj.\u202eexe.png", "gpj.exe.png"),
        (".htaccess", "htaccess"),
        ("Gespräch 1.mp3", "Gespräch_1.mp3"),
        ("q?x=1&y#z%2f.pdf", "q_x_1_y_z_2f.pdf"),
    ],
)
async def test_a_filename_is_reduced_to_a_safe_one(client: Uploader, given: str, kept: str) -> None:
    key = (await client.signed(filename=given))["object_key"]
    assert re.fullmatch(rf"default/documents/\d{{8}}_\d{{6}}_[0-9a-f]{{16}}_{re.escape(kept)}", key)


@pytest.mark.parametrize("name", ["x" * 4000 + ".jpg", "é" * 2000 + ".jpg", "中" * 1300 + ".jpg"])
async def test_a_long_filename_keeps_its_extension_and_fits_into_the_stores_limit(
    client: Uploader, object_store: RcloneStore, name: str
) -> None:
    file = await client.uploaded(filename=name)
    last = file["file_path"].rpartition("/")[2]
    assert 250 < len(last.encode()) <= 255
    assert last.endswith(".jpg")
    assert in_bucket(object_store, file["file_path"]) == PHOTO


@pytest.mark.parametrize(
    "wrong",
    [
        {"expiration": 0},
        {"expiration": -1},
        {"expiration": 604_801},
        {"expiration": "1"},
        {"expiration": True},
        {"expiration": 1.5},
        {"expiration": 10**30},
        {"file_size": 0},
        {"file_size": -5},
        {"file_size": 2**53},
        {"file_size": "5"},
        {"filename": ""},
        {"filename": "/"},
        {"filename": "..."},
        {"filename": "\u202e"},
        {"filename": "x" * 4097},
        {"filename": None},
        {"filename": ["a.jpg"]},
        {"content_type": "jpeg"},
        {"content_type": ""},
        {"content_type": "image/jpeg\r\nX-Evil: 1"},
        {"content_type": "image/jpeg\n"},
        {"content_type": " image/jpeg"},
        {"content_type": "image /jpeg"},
        {"content_type": "image/jpe\x00g"},
        {"content_type": "bild/größe"},
        {"content_type": "image/" + "x" * 122},
        {"content_type": None},
    ],
    ids=str,
)
async def test_bad_members_get_400_in_the_groups_error_format(client: Uploader, wrong: dict[str, object]) -> None:
    response = await client.sign(**wrong)
    assert response.status_code == 400, response.text
    assert set(response.json()) == {"success", "error", "code"}
    assert response.json()["success"] is False


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"null", "application/json", 400),
        (b'"text"', "application/json", 400),
        (b"{}", "application/json", 400),
        (b"\xff\xfe{", "application/json", 400),
        (b'{"filename":"\\ud800.jpg","content_type":"image/jpeg"}', "application/json", 400),
        (b"[" * 60_000, "application/json", 400),
        (json.dumps({"filename": "x" * 70_000}).encode(), "application/json", 413),
        (b"filename=x", "application/x-www-form-urlencoded", 415),
    ],
)
async def test_a_body_that_is_too_large_or_no_json_object_is_rejected(
    client: Uploader, content: bytes, kind: str, status: int
) -> None:
    response = await client.pipeline.client.post(SIGN, content=content, headers={"Content-Type": kind})
    assert response.status_code == status
    assert response.json()["success"] is False


@pytest.mark.parametrize(
    "wanted",
    [
        {"file_size": 5 * 1024**3 + 1},
        {"file_size": 1_000_001, "content_type": "audio/mpeg", "filename": "call.mp3"},
        {"file_size": 1_000_001, "content_type": "application/octet-stream", "filename": "call.mp3"},
    ],
)
async def test_a_file_too_large_to_register_gets_no_url(client: Uploader, wanted: dict[str, object]) -> None:
    assert (await client.sign(**wanted)).status_code == 413
    assert (await client.sign(**wanted | {"file_size": 1_000_000})).status_code == 200
