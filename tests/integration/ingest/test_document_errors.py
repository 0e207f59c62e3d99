"""Rejected registrations and reads of documents: forged paths, other tenants, bad members, limits."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.object_store import RcloneStore
from shared.storage.settings import StoreConfig
from tests.integration.ingest.direct_uploads import DOCUMENTS, PHOTO, SIGN, Uploader
from tests.integration.pipeline import OCTETS, Pipeline, ingest_running, ingest_settings
from tests.tokens import bearer, token_settings

LIMIT = 100_000


@pytest.fixture(scope="module")
async def pipeline(
    tmp_path_factory: pytest.TempPathFactory, nats_url: str, store_config: StoreConfig
) -> AsyncIterator[Pipeline]:
    settings = ingest_settings(
        tmp_path_factory.mktemp("spool"), nats_url, store_config, max_session_size=LIMIT, **token_settings()
    )
    async with ingest_running(settings) as pipeline:
        yield pipeline


@pytest.fixture
def acme(pipeline: Pipeline) -> Uploader:
    return Uploader(pipeline, bearer(tenant_id="acme"))


@pytest.fixture
def rival(pipeline: Pipeline) -> Uploader:
    return Uploader(pipeline, bearer(tenant_id="rival"))


async def test_a_wrong_size_is_rejected_and_nothing_is_left(acme: Uploader) -> None:
    file = await acme.uploaded(content_type="audio/mpeg")
    before = [path.name for path in (acme.pipeline.spool.root / "acme").glob("*")]
    for size in (0, len(PHOTO) - 1, len(PHOTO) + 1, 2**53 - 1):
        response = await acme.register(file | {"file_size": size})
        assert (response.status_code, response.json()["code"]) == (409, "other_size")
    assert [path.name for path in (acme.pipeline.spool.root / "acme").glob("*")] == before
    assert (await acme.register(file)).status_code == 201


async def test_a_missing_object_gets_404(acme: Uploader) -> None:
    signed = await acme.signed()
    file = {"filename": "a.jpg", "file_path": signed["object_key"], "file_size": 5, "mime_type": "image/jpeg"}
    response = await acme.register(file)
    assert response.status_code == 404
    assert set(response.json()) == {"success", "error", "code"}


@pytest.mark.parametrize(
    "path",
    [
        "{key}",
        "acme/documents/../../{key}",
        "acme/documents/{key}",
        "acme/documents/..%2f..%2f{key}",
        "acme/documents/%2e%2e/%2e%2e/{key}",
        "acme//documents/../../{key}",
        "acme/documents\\..\\..\\{key}",
        "acme/../{key}",
        "./{key}",
        "/{key}",
        "../recordings/{key}",
        "ACME/documents/{name}",
        "{key}\u0000",
        "acme/documents/\u202e{name}",
        "acme/documents/",
        "acme/documents/.",
        "acme/documents/..",
        "acme/documents",
        "acme",
        "rival/documents/{name}/",
        "rival/documents//{name}",
        "audio_secret.wav",
        ".roomtone/rival/x/audio.ready.json",
        "acme/documents/" + "x" * 256,
        "acme/documents/" + "é" * 200,
    ],
)
async def test_no_path_reaches_an_object_outside_the_tenants_prefix(
    acme: Uploader, rival: Uploader, object_store: RcloneStore, path: str
) -> None:
    theirs = await rival.uploaded()
    key = theirs["file_path"]
    (object_store.bucket_folder / "audio_secret.wav").write_bytes(PHOTO)
    missing = await acme.register(theirs | {"file_path": "acme/documents/20250101_000000_0123_absent.jpg"})
    response = await acme.register(theirs | {"file_path": path.format(key=key, name=key.rpartition("/")[2])})
    assert response.status_code == missing.status_code == 404
    assert response.content == missing.content


async def test_a_folder_of_the_bucket_is_no_document(acme: Uploader, object_store: RcloneStore) -> None:
    (object_store.bucket_folder / "acme" / "documents" / "folder").mkdir(parents=True)
    file = {"filename": "a", "file_path": "acme/documents/folder", "file_size": 0, "mime_type": "image/jpeg"}
    assert (await acme.register(file)).status_code == 404


async def test_another_tenants_document_looks_like_one_that_does_not_exist(acme: Uploader, rival: Uploader) -> None:
    document = await acme.registered()
    missing = await rival.read("0" * 32)
    for response in (await rival.read(document["id"]), await rival.read("another-session")):
        assert response.status_code == 404
        assert response.content == missing.content
    assert (await acme.read(document["id"])).status_code == 200


async def test_each_route_needs_its_scope(pipeline: Pipeline) -> None:
    writing, reading = (
        Uploader(pipeline, bearer(tenant_id="acme", scope=scope)) for scope in ("audio:write", "audio:read")
    )
    document = await writing.registered()
    assert (await writing.read(document["id"])).status_code == 403
    assert (await reading.read(document["id"])).status_code == 200
    assert (await reading.register({})).status_code == 403
    for response in (await Uploader(pipeline, {}).read(document["id"]), await Uploader(pipeline, {}).register({})):
        assert response.status_code == 401
        assert response.json()["success"] is False


async def test_a_session_that_is_no_document_is_not_found(acme: Uploader) -> None:
    await acme.pipeline.client.post("/upload_chunk/raw", content=b"xx", headers=OCTETS | dict(acme.headers))
    assert (await acme.read("raw")).status_code == 404


@pytest.mark.parametrize("id_", ["%2e%2e", "a%2Fb", "a.b", "%00", "x" * 129, "ü", "a%0D%0Ab", "*", "a//"])
async def test_a_malformed_id_gets_400_in_the_groups_error_format(acme: Uploader, id_: str) -> None:
    response = await acme.pipeline.client.get(f"{DOCUMENTS}{id_}/", headers=acme.headers)
    assert response.status_code == 400
    assert response.json()["success"] is False


@pytest.mark.parametrize(
    "wrong",
    [
        {"filename": "/"},
        {"filename": 5},
        {"file_path": ""},
        {"file_path": "x" * 1025},
        {"file_path": None},
        {"file_size": -1},
        {"file_size": "1006"},
        {"file_size": True},
        {"file_size": 1.5},
        {"file_size": 2**53},
        {"mime_type": "image"},
        {"mime_type": "image/jpeg\r\nx: y"},
    ],
    ids=str,
)
async def test_bad_members_get_400_and_nothing_is_registered(acme: Uploader, wrong: dict[str, object]) -> None:
    file = {"filename": "a", "file_path": "acme/documents/x", "file_size": 1, "mime_type": "image/jpeg"} | wrong
    response = await acme.register(file)
    assert response.status_code == 400
    assert set(response.json()) == {"success", "error", "code"}


async def test_a_recording_over_the_session_limit_gets_413_and_any_other_file_is_taken(acme: Uploader) -> None:
    large = bytes(LIMIT + 1)
    file = await acme.uploaded(large, content_type="audio/mpeg")
    response = await acme.register(file)
    assert (response.status_code, response.json()["code"]) == (413, "session_too_large")
    assert (await acme.registered(large))["file_size"] == LIMIT + 1


async def test_a_raw_session_can_neither_take_a_documents_id_nor_add_to_it(acme: Uploader) -> None:
    document = await acme.registered(content_type="audio/mpeg")
    late = await acme.pipeline.client.post(
        f"/upload_chunk/{document['id']}", content=b"xx", headers=OCTETS | dict(acme.headers)
    )
    finalized = await acme.pipeline.client.post(f"/finalize/{document['id']}", headers=acme.headers)
    assert (late.status_code, finalized.status_code) == (409, 409)


async def ask_all(client: Uploader) -> list[tuple[int, object]]:
    responses = [
        await client.sign(),
        await client.pipeline.client.post(SIGN, content=b"{", headers={"Content-Type": "application/json"}),
        await client.register({}),
        await client.read("0" * 32),
    ]
    return [(response.status_code, response.json()) for response in responses]


async def test_switched_off_all_three_routes_give_403(tmp_path: Path, nats_url: str, store_config: StoreConfig) -> None:
    settings = ingest_settings(tmp_path, nats_url, store_config, cloudflare_r2_enable_direct_upload="False")
    async with ingest_running(settings) as pipeline:
        responses = await ask_all(Uploader(pipeline, {}))
    assert {status for status, _ in responses} == {403}
    assert all(body == responses[0][1] for _, body in responses)
    assert responses[0][1] == {
        "success": False,
        "error": "Direct uploads are switched off on this server.",
        "code": "direct_uploads_disabled",
    }


async def test_without_bus_or_store_a_registration_gets_503_and_nothing_of_it_is_left(
    tmp_path: Path, nats_url: str, store_config: StoreConfig
) -> None:
    nowhere = replace(store_config, endpoint="http://127.0.0.1:1")
    without_bus = ingest_settings(tmp_path / "one", "nats://127.0.0.1:1", store_config)
    without_store = ingest_settings(tmp_path / "two", nats_url, nowhere)
    async with ingest_running(without_bus) as pipeline:
        file = await Uploader(pipeline, {}).uploaded(content_type="audio/mpeg")
        bus_away = await Uploader(pipeline, {}).register(file)
        assert list(pipeline.spool.sessions()) == []
    async with ingest_running(without_store) as pipeline:
        assert (await Uploader(pipeline, {}).sign()).status_code == 200, "signing sends no request"
        store_away = await Uploader(pipeline, {}).register(file)
        assert list(pipeline.spool.sessions()) == []
    for response, code in ((bus_away, "bus_unavailable"), (store_away, "store_unreachable")):
        assert (response.status_code, response.json()["code"]) == (503, code)
        assert response.headers["retry-after"]
        assert "127.0.0.1" not in response.text
