"""What `/upload_chunk` and `/finalize` take and refuse, with no bus and no store in reach."""

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


def assert_refused(answer: httpx.Response, status: int, session: str) -> None:
    assert answer.status_code == status
    body = answer.json()
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


async def test_the_index_may_stand_before_or_after_the_file_or_in_the_query(pipeline: Pipeline, session: str) -> None:
    boundary = "xyz"
    file_part = '--xyz\r\nContent-Disposition: form-data; name="audio_chunk"; filename="a"\r\n\r\nSOUND\r\n'
    index_part = '--xyz\r\nContent-Disposition: form-data; name="chunk_index"\r\n\r\n{}\r\n'
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    for number, body in enumerate((file_part + index_part.format(0), index_part.format(1) + file_part)):
        answer = await pipeline.client.post(f"/upload_chunk/{session}", content=body + "--xyz--\r\n", headers=headers)
        assert answer.json()["chunk_index"] == number
    answer = await pipeline.send(session, b"SOUND", chunk_index=2)
    assert answer.json() == {
        "status": "success",
        "session_id": session,
        "chunk_size": 5,
        "total_chunks": 3,
        "chunk_index": 2,
    }


async def test_the_same_chunk_again_is_the_same_success_and_other_bytes_are_refused(
    pipeline: Pipeline, session: str
) -> None:
    first = await pipeline.send(session, b"one", chunk_index=0)
    assert (await pipeline.send(session, b"one", chunk_index=0)).json() == first.json()
    assert_refused(await pipeline.send(session, b"two", chunk_index=0), 409, session)
    assert pipeline.directory(session).chunk(0).read_bytes() == b"one"
    assert pipeline.leftovers() == []


@pytest.mark.parametrize(
    "bad", ["..", "%2e%2e%2f", "a%00b", ".", "*", ">", "a%0d%0ab", "a/b", "a.b", "x" * 129, "x" * 10_000, "%D1%8F", ""]
)
async def test_a_session_id_off_the_pattern_is_refused_and_touches_nothing(bad: str, pipeline: Pipeline) -> None:
    before = sorted(pipeline.spool.root.rglob("*"))
    for path in ("/upload_chunk/", "/finalize/"):
        answer = await raw_exchange(pipeline, "Content-Length: 1\r\n", bad, b"x", path=path)
        assert answer.startswith(b"HTTP/1.1 400"), path
        assert b'"status":"error"' in answer
    assert sorted(pipeline.spool.root.rglob("*")) == before


@pytest.mark.parametrize("bad", ["-1", "1e9", "１", "0x1", "01", "", "10000000", "1.0", " 1"])
async def test_an_index_that_is_not_a_plain_number_is_refused(bad: str, pipeline: Pipeline, session: str) -> None:
    assert_refused(await pipeline.send(session, b"x", chunk_index=bad), 400, session)
    form = await pipeline.client.post(
        f"/upload_chunk/{session}", files={"audio_chunk": b"x"}, data={"chunk_index": bad}
    )
    assert_refused(form, 400, session)
    assert not pipeline.directory(session).exists()
    assert pipeline.leftovers() == []


async def test_a_form_without_the_file_or_with_two_is_refused(pipeline: Pipeline, session: str) -> None:
    url = f"/upload_chunk/{session}"
    assert_refused(await pipeline.client.post(url, files={"audio": b"x"}), 400, session)
    assert_refused(await pipeline.client.post(url, files=[("audio_chunk", b"x"), ("audio_chunk", b"y")]), 400, session)
    assert_refused(await pipeline.client.post(url, files={"audio_chunk": b""}), 400, session)
    assert_refused(await pipeline.send(session, b""), 400, session)
    assert not pipeline.directory(session).exists()


@pytest.mark.parametrize(
    "body", [b"", b"--xyz", b"--xyz\r\n\r\n", b"rubbish" * 1000, b"--xyz\r\nContent-Disposition: x\r\n\r\n1"]
)
async def test_a_broken_form_is_refused(body: bytes, pipeline: Pipeline, session: str) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=xyz"}
    assert_refused(await pipeline.client.post(f"/upload_chunk/{session}", content=body, headers=headers), 400, session)
    assert pipeline.leftovers() == []


async def test_a_form_of_many_parts_is_refused(pipeline: Pipeline, session: str) -> None:
    parts = b'--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 1000
    headers = {"Content-Type": "multipart/form-data; boundary=xyz"}
    assert_refused(await pipeline.client.post(f"/upload_chunk/{session}", content=parts, headers=headers), 413, session)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": ""},
        {"Content-Type": "application/octet-stream", "Content-Encoding": "gzip"},
    ],
)
async def test_what_we_do_not_take_is_refused_with_415(
    headers: dict[str, str], pipeline: Pipeline, session: str
) -> None:
    answer = await pipeline.client.post(f"/upload_chunk/{session}", content=b"x", headers=headers)
    assert_refused(answer, 415, session)


async def test_a_form_without_a_boundary_is_refused(pipeline: Pipeline, session: str) -> None:
    headers = {"Content-Type": "multipart/form-data"}
    assert_refused(await pipeline.client.post(f"/upload_chunk/{session}", content=b"x", headers=headers), 400, session)


async def test_a_chunk_over_the_limit_is_refused_by_its_declared_length_before_the_body(
    pipeline: Pipeline, session: str
) -> None:
    answer = await raw_exchange(pipeline, f"Content-Length: {LIMIT + 1}\r\nExpect: 100-continue\r\n", session)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"100 Continue" not in answer


async def test_a_chunk_over_the_limit_is_refused_by_count_and_leaves_nothing(pipeline: Pipeline, session: str) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(LIMIT // 10_000 + 1):
            yield bytes(10_000)

    answer = await pipeline.client.post(f"/upload_chunk/{session}", content=body(), headers=OCTETS)
    assert_refused(answer, 413, session)
    form = await pipeline.client.post(f"/upload_chunk/{session}", files={"audio_chunk": bytes(LIMIT + 1)})
    assert_refused(form, 413, session)
    declared = await pipeline.send(
        session, bytes(4 * LIMIT)
    )  # too much for a session as well, which is no help to know
    assert_refused(declared, 413, session)
    assert "smaller chunks" in declared.json()["message"]
    assert not pipeline.directory(session).exists()
    assert pipeline.leftovers() == []


async def test_a_session_over_its_limit_is_refused_and_keeps_what_it_has(pipeline: Pipeline, session: str) -> None:
    for _ in range(3):
        assert (await pipeline.send(session, bytes(LIMIT))).status_code == 200
    assert_refused(await pipeline.send(session, b"x"), 413, session)
    assert len(pipeline.directory(session).chunk_sizes()) == 3


async def test_a_sender_that_goes_silent_inside_a_chunk_gets_408(pipeline: Pipeline, session: str) -> None:
    answer = await raw_exchange(pipeline, "Content-Length: 1000\r\n", session, b"half a chunk")
    assert answer.startswith(b"HTTP/1.1 408")
    assert pipeline.leftovers() == []


async def test_a_client_that_hangs_up_inside_a_chunk_leaves_nothing(pipeline: Pipeline, session: str) -> None:
    host, port = pipeline.client.base_url.host, pipeline.client.base_url.port
    _, writer = await asyncio.open_connection(host, port)
    head = f"POST /upload_chunk/{session} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
    writer.write(f"{head}Content-Length: 90000\r\n\r\n".encode() + bytes(50_000))
    await writer.drain()
    writer.transport.abort()
    assert (await pipeline.send(session, b"next")).json()["total_chunks"] == 1
    await until(lambda: not pipeline.leftovers(), what="no temporary file is left")


async def test_a_head_that_does_not_end_is_refused_and_the_connection_closed(pipeline: Pipeline, session: str) -> None:
    answer = await raw_exchange(pipeline, f"X-Long: {'x' * 900_000}\r\n", session)
    assert answer.startswith(b"HTTP/1.1 431")
    assert b'"status":"error"' in answer


async def test_a_full_session_refuses_a_declared_chunk_before_its_body(pipeline: Pipeline, session: str) -> None:
    for _ in range(3):
        assert (await pipeline.send(session, bytes(LIMIT))).status_code == 200
    for expect in ("", "Expect: 100-continue\r\n"):
        answer = await raw_exchange(pipeline, f"Content-Length: 10\r\n{expect}", session)
        assert answer.startswith(b"HTTP/1.1 413")


async def test_a_late_chunk_is_refused_before_its_body_however_small(pipeline: Pipeline, session: str) -> None:
    await pipeline.send(session, b"first")
    assert (await pipeline.finalize(session)).status_code == 202
    answer = await raw_exchange(pipeline, "Content-Length: 10\r\n", session)
    assert answer.startswith(b"HTTP/1.1 409")


async def test_an_index_given_twice_must_agree(pipeline: Pipeline, session: str) -> None:
    url = f"/upload_chunk/{session}?chunk_index=1&chunk_index=2"
    assert_refused(await pipeline.client.post(url, content=b"x", headers=OCTETS), 400, session)


async def test_two_replicas_on_one_spool_see_each_others_chunks(pipeline: Pipeline, store_config: StoreConfig) -> None:
    settings = ingest_settings(pipeline.spool.root, NOWHERE, store_config)
    async with ingest_running(settings) as other:
        for index in range(40):
            replica = (pipeline, other)[index % 2]
            answer = await replica.send("shared", b"xx", chunk_index=index)
            assert answer.json()["total_chunks"] == index + 1
        assert (await pipeline.finalize("shared")).status_code == 202
        stored = pipeline.directory("shared").read_manifest()
        assert stored is not None
        assert [chunk.index for chunk in stored.manifest.chunks] == list(range(40))
        assert_refused(await other.send("shared", b"xx", chunk_index=40), 409, "shared")


async def test_finalize_without_chunks_is_400(pipeline: Pipeline, session: str) -> None:
    assert_refused(await pipeline.finalize(session), 400, session)
    assert not pipeline.directory(session).exists()


async def test_finalize_with_gaps_names_them_and_works_once_they_are_filled(pipeline: Pipeline, session: str) -> None:
    for index in (1, 4, 9):
        await pipeline.send(session, b"xx", chunk_index=index)
    answer = await pipeline.finalize(session)
    assert_refused(answer, 409, session)
    assert "0, 2-3, 5-8" in answer.json()["message"]
    for index in (0, 2, 3, 5, 6, 7, 8):
        await pipeline.send(session, b"xx", chunk_index=index)
    assert (await pipeline.finalize(session)).status_code == 202


async def test_with_the_bus_away_chunks_are_taken_and_finalize_says_processing(
    pipeline: Pipeline, session: str
) -> None:
    assert (await pipeline.send(session, b"xx")).status_code == 200
    answer = await pipeline.finalize(session)
    assert answer.status_code == 202
    assert answer.json() == {"status": "processing", "session_id": session, "status_url": f"/sessions/{session}"}
    status = (await pipeline.client.get(f"/sessions/{session}")).json()
    assert (status["state"], status["chunks"], status["bytes"]) == ("finalized", 1, 2)
    assert_refused(await pipeline.send(session, b"late"), 409, session)


async def test_a_session_that_only_the_catalog_may_know_is_not_denied_while_that_is_away(
    pipeline: Pipeline, session: str
) -> None:
    assert_refused(await pipeline.client.get(f"/sessions/{session}"), 503, session)


async def test_chunks_sent_at_once_without_index_get_consecutive_places(pipeline: Pipeline, session: str) -> None:
    answers = await asyncio.gather(*(pipeline.send(session, bytes([n]) * 100) for n in range(40)))
    assert sorted(answer.json()["chunk_index"] for answer in answers) == list(range(40))
    for answer, number in zip(answers, range(40), strict=True):
        stored = pipeline.directory(session).chunk(answer.json()["chunk_index"])
        assert stored.read_bytes() == bytes([number]) * 100


async def test_a_request_id_is_returned_and_a_malformed_one_replaced(pipeline: Pipeline, session: str) -> None:
    answer = await pipeline.client.get(f"/sessions/{session}", headers={"X-Request-ID": "abc-1"})
    assert answer.headers["x-request-id"] == "abc-1"
    answer = await pipeline.client.get(f"/sessions/{session}", headers={"X-Request-ID": "a b"})
    assert answer.headers["x-request-id"] not in {"", "a b"}


async def test_a_path_with_a_slash_more_is_not_found_and_redirects_nowhere(pipeline: Pipeline) -> None:
    for path in ("/health/", "/upload/init/", "/sessions"):
        answer = await pipeline.client.get(path)
        assert answer.status_code == 404
        assert "location" not in answer.headers
