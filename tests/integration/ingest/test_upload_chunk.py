"""What `/upload_chunk` and `/finalize` accept and reject, without a bus or a store."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import httpx
import pytest

from shared.storage.settings import StoreConfig
from tests.integration.ingest.raw_http import raw_exchange
from tests.integration.pipeline import OCTETS, Pipeline, ingest_running, ingest_settings
from tests.waiting import until

NOWHERE = "nats://127.0.0.1:1"
LIMIT = 100_000


@pytest.fixture(scope="module")
async def pipeline(tmp_path_factory: pytest.TempPathFactory, store_config: StoreConfig) -> AsyncIterator[Pipeline]:
    settings = ingest_settings(
        tmp_path_factory.mktemp("spool"),
        NOWHERE,
        store_config,
        max_chunk_size=LIMIT,
        max_session_size=3 * LIMIT,
        body_idle_seconds=0.3,
    )
    async with ingest_running(settings) as pipeline:
        yield pipeline


_numbers = count()


@pytest.fixture
def session() -> str:
    return f"session-{next(_numbers)}"


def assert_error(response: httpx.Response, status: int, session: str) -> None:
    assert response.status_code == status
    body = response.json()
    assert set(body) == {"status", "message", "code", "session_id"}
    assert body["status"] == "error"
    assert body["session_id"] == session
    assert len(body["message"]) > 10


async def test_a_form_and_a_raw_body_store_the_same_bytes(pipeline: Pipeline, session: str) -> None:
    form = await pipeline.client.post(f"/upload_chunk/{session}", files={"audio_chunk": b"\r\n--abc" * 5000})
    assert form.json()["total_chunks"] == 1
    assert (await pipeline.send(session, b"\r\n--abc" * 5000)).json()["total_chunks"] == 2
    directory = pipeline.directory(session)
    assert directory.chunk(0).read_bytes() == directory.chunk(1).read_bytes() == b"\r\n--abc" * 5000
    assert pipeline.leftovers() == []


async def test_the_index_may_be_before_or_after_the_file_or_in_the_query(pipeline: Pipeline, session: str) -> None:
    boundary = "xyz"
    file_part = '--xyz\r\nContent-Disposition: form-data; name="audio_chunk"; filename="a"\r\n\r\nSOUND\r\n'
    index_part = '--xyz\r\nContent-Disposition: form-data; name="chunk_index"\r\n\r\n{}\r\n'
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    for number, body in enumerate((file_part + index_part.format(0), index_part.format(1) + file_part)):
        response = await pipeline.client.post(f"/upload_chunk/{session}", content=body + "--xyz--\r\n", headers=headers)
        assert response.json()["chunk_index"] == number
    response = await pipeline.send(session, b"SOUND", chunk_index=2)
    assert response.json() == {
        "status": "success",
        "session_id": session,
        "chunk_size": 5,
        "total_chunks": 3,
        "chunk_index": 2,
    }


async def test_the_same_chunk_again_is_the_same_success_and_other_bytes_are_rejected(
    pipeline: Pipeline, session: str
) -> None:
    first = await pipeline.send(session, b"one", chunk_index=0)
    assert (await pipeline.send(session, b"one", chunk_index=0)).json() == first.json()
    assert_error(await pipeline.send(session, b"two", chunk_index=0), 409, session)
    assert pipeline.directory(session).chunk(0).read_bytes() == b"one"
    assert pipeline.leftovers() == []


@pytest.mark.parametrize(
    "bad", ["..", "%2e%2e%2f", "a%00b", ".", "*", ">", "a%0d%0ab", "a/b", "a.b", "x" * 129, "x" * 10_000, "%D1%8F", ""]
)
async def test_a_malformed_session_id_is_rejected_and_creates_nothing(bad: str, pipeline: Pipeline) -> None:
    before = sorted(pipeline.spool.root.rglob("*"))
    for path in ("/upload_chunk/", "/finalize/"):
        response = await raw_exchange(pipeline, "Content-Length: 1\r\n", bad, b"x", path=path)
        assert response.startswith(b"HTTP/1.1 400"), path
        assert b'"status":"error"' in response
    assert sorted(pipeline.spool.root.rglob("*")) == before


@pytest.mark.parametrize("bad", ["-1", "1e9", "１", "0x1", "01", "", "10000000", "1.0", " 1"])
async def test_an_index_that_is_not_a_plain_number_is_rejected(bad: str, pipeline: Pipeline, session: str) -> None:
    assert_error(await pipeline.send(session, b"x", chunk_index=bad), 400, session)
    form = await pipeline.client.post(
        f"/upload_chunk/{session}", files={"audio_chunk": b"x"}, data={"chunk_index": bad}
    )
    assert_error(form, 400, session)
    assert not pipeline.directory(session).exists()
    assert pipeline.leftovers() == []


async def test_a_form_without_a_file_or_with_two_is_rejected(pipeline: Pipeline, session: str) -> None:
    url = f"/upload_chunk/{session}"
    assert_error(await pipeline.client.post(url, files={"audio": b"x"}), 400, session)
    assert_error(await pipeline.client.post(url, files=[("audio_chunk", b"x"), ("audio_chunk", b"y")]), 400, session)
    assert_error(await pipeline.client.post(url, files={"audio_chunk": b""}), 400, session)
    assert_error(await pipeline.send(session, b""), 400, session)
    assert not pipeline.directory(session).exists()


@pytest.mark.parametrize(
    "body", [b"", b"--xyz", b"--xyz\r\n\r\n", b"rubbish" * 1000, b"--xyz\r\nContent-Disposition: x\r\n\r\n1"]
)
async def test_a_malformed_form_is_rejected(body: bytes, pipeline: Pipeline, session: str) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=xyz"}
    assert_error(await pipeline.client.post(f"/upload_chunk/{session}", content=body, headers=headers), 400, session)
    assert pipeline.leftovers() == []


async def test_a_form_of_many_parts_is_rejected(pipeline: Pipeline, session: str) -> None:
    parts = b'--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 1000
    headers = {"Content-Type": "multipart/form-data; boundary=xyz"}
    assert_error(await pipeline.client.post(f"/upload_chunk/{session}", content=parts, headers=headers), 413, session)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": ""},
        {"Content-Type": "application/octet-stream", "Content-Encoding": "gzip"},
    ],
)
async def test_unsupported_types_and_encodings_get_415(
    headers: dict[str, str], pipeline: Pipeline, session: str
) -> None:
    response = await pipeline.client.post(f"/upload_chunk/{session}", content=b"x", headers=headers)
    assert_error(response, 415, session)


async def test_a_form_without_a_boundary_is_rejected(pipeline: Pipeline, session: str) -> None:
    headers = {"Content-Type": "multipart/form-data"}
    assert_error(await pipeline.client.post(f"/upload_chunk/{session}", content=b"x", headers=headers), 400, session)


async def test_a_chunk_over_the_limit_is_rejected_by_its_declared_length_before_the_body(
    pipeline: Pipeline, session: str
) -> None:
    response = await raw_exchange(pipeline, f"Content-Length: {LIMIT + 1}\r\nExpect: 100-continue\r\n", session)
    assert response.startswith(b"HTTP/1.1 413")
    assert b"100 Continue" not in response


async def test_a_chunk_over_the_limit_is_rejected_by_count_and_leaves_nothing(pipeline: Pipeline, session: str) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(LIMIT // 10_000 + 1):
            yield bytes(10_000)

    response = await pipeline.client.post(f"/upload_chunk/{session}", content=body(), headers=OCTETS)
    assert_error(response, 413, session)
    form = await pipeline.client.post(f"/upload_chunk/{session}", files={"audio_chunk": bytes(LIMIT + 1)})
    assert_error(form, 413, session)
    declared = await pipeline.send(
        session, bytes(4 * LIMIT)
    )  # over the session's limit as well; the chunk's is the useful one to name
    assert_error(declared, 413, session)
    assert "smaller chunks" in declared.json()["message"]
    assert not pipeline.directory(session).exists()
    assert pipeline.leftovers() == []


async def test_a_full_session_rejects_a_chunk_and_keeps_the_others(pipeline: Pipeline, session: str) -> None:
    for _ in range(3):
        assert (await pipeline.send(session, bytes(LIMIT))).status_code == 200
    assert_error(await pipeline.send(session, b"x"), 413, session)
    assert len(pipeline.directory(session).chunk_sizes()) == 3


async def test_a_sender_that_stalls_inside_a_chunk_gets_408(pipeline: Pipeline, session: str) -> None:
    response = await raw_exchange(pipeline, "Content-Length: 1000\r\n", session, b"half a chunk")
    assert response.startswith(b"HTTP/1.1 408")
    assert pipeline.leftovers() == []


async def test_a_client_that_disconnects_inside_a_chunk_leaves_nothing(pipeline: Pipeline, session: str) -> None:
    host, port = pipeline.client.base_url.host, pipeline.client.base_url.port
    _, writer = await asyncio.open_connection(host, port)
    head = f"POST /upload_chunk/{session} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
    writer.write(f"{head}Content-Length: 90000\r\n\r\n".encode() + bytes(50_000))
    await writer.drain()
    writer.transport.abort()
    assert (await pipeline.send(session, b"next")).json()["total_chunks"] == 1
    await until(lambda: not pipeline.leftovers(), what="the temporary file to be removed")


async def test_a_head_that_does_not_end_is_rejected_and_the_connection_closed(pipeline: Pipeline, session: str) -> None:
    response = await raw_exchange(pipeline, f"X-Long: {'x' * 900_000}\r\n", session)
    assert response.startswith(b"HTTP/1.1 431")
    assert b'"status":"error"' in response


async def test_a_full_session_rejects_a_declared_chunk_before_its_body(pipeline: Pipeline, session: str) -> None:
    for _ in range(3):
        assert (await pipeline.send(session, bytes(LIMIT))).status_code == 200
    for expect in ("", "Expect: 100-continue\r\n"):
        response = await raw_exchange(pipeline, f"Content-Length: 10\r\n{expect}", session)
        assert response.startswith(b"HTTP/1.1 413")


async def test_a_chunk_after_finalize_is_rejected_before_its_body_however_small(
    pipeline: Pipeline, session: str
) -> None:
    await pipeline.send(session, b"first")
    assert (await pipeline.finalize(session)).status_code == 202
    response = await raw_exchange(pipeline, "Content-Length: 10\r\n", session)
    assert response.startswith(b"HTTP/1.1 409")


async def test_an_index_given_twice_must_agree(pipeline: Pipeline, session: str) -> None:
    url = f"/upload_chunk/{session}?chunk_index=1&chunk_index=2"
    assert_error(await pipeline.client.post(url, content=b"x", headers=OCTETS), 400, session)


async def test_two_replicas_on_one_spool_see_each_others_chunks(pipeline: Pipeline, store_config: StoreConfig) -> None:
    settings = ingest_settings(pipeline.spool.root, NOWHERE, store_config)
    async with ingest_running(settings) as other:
        for index in range(40):
            replica = (pipeline, other)[index % 2]
            response = await replica.send("shared", b"xx", chunk_index=index)
            assert response.json()["total_chunks"] == index + 1
        assert (await pipeline.finalize("shared")).status_code == 202
        stored = pipeline.directory("shared").read_manifest()
        assert stored is not None
        assert [chunk.index for chunk in stored.manifest.chunks] == list(range(40))
        assert_error(await other.send("shared", b"xx", chunk_index=40), 409, "shared")


async def test_finalize_without_chunks_gets_400(pipeline: Pipeline, session: str) -> None:
    assert_error(await pipeline.finalize(session), 400, session)
    assert not pipeline.directory(session).exists()


async def test_finalize_lists_gaps_and_works_once_they_are_filled(pipeline: Pipeline, session: str) -> None:
    for index in (1, 4, 9):
        await pipeline.send(session, b"xx", chunk_index=index)
    response = await pipeline.finalize(session)
    assert_error(response, 409, session)
    assert "0, 2-3, 5-8" in response.json()["message"]
    for index in (0, 2, 3, 5, 6, 7, 8):
        await pipeline.send(session, b"xx", chunk_index=index)
    assert (await pipeline.finalize(session)).status_code == 202


async def test_with_the_bus_away_chunks_are_taken_and_finalize_says_processing(
    pipeline: Pipeline, session: str
) -> None:
    assert (await pipeline.send(session, b"xx")).status_code == 200
    response = await pipeline.finalize(session)
    assert response.status_code == 202
    assert response.json() == {"status": "processing", "session_id": session, "status_url": f"/sessions/{session}"}
    status = (await pipeline.client.get(f"/sessions/{session}")).json()
    assert (status["state"], status["chunks"], status["bytes"]) == ("finalized", 1, 2)
    assert_error(await pipeline.send(session, b"late"), 409, session)


async def test_without_the_catalog_an_unknown_session_gets_503_instead_of_404(pipeline: Pipeline, session: str) -> None:
    assert_error(await pipeline.client.get(f"/sessions/{session}"), 503, session)


async def test_concurrent_chunks_without_an_index_get_consecutive_indices(pipeline: Pipeline, session: str) -> None:
    responses = await asyncio.gather(*(pipeline.send(session, bytes([n]) * 100) for n in range(40)))
    assert sorted(response.json()["chunk_index"] for response in responses) == list(range(40))
    for response, number in zip(responses, range(40), strict=True):
        stored = pipeline.directory(session).chunk(response.json()["chunk_index"])
        assert stored.read_bytes() == bytes([number]) * 100


async def test_a_request_id_is_returned_and_a_malformed_one_replaced(pipeline: Pipeline, session: str) -> None:
    response = await pipeline.client.get(f"/sessions/{session}", headers={"X-Request-ID": "abc-1"})
    assert response.headers["x-request-id"] == "abc-1"
    response = await pipeline.client.get(f"/sessions/{session}", headers={"X-Request-ID": "a b"})
    assert response.headers["x-request-id"] not in {"", "a b"}


async def test_a_path_with_an_extra_slash_is_not_found_and_does_not_redirect(pipeline: Pipeline) -> None:
    for path in ("/health/", "/upload/init/", "/sessions"):
        response = await pipeline.client.get(path)
        assert response.status_code == 404
        assert "location" not in response.headers
