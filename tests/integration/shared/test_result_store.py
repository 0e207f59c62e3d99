"""Results are held in memory whole, so they have a limit; it holds for what is stored and for what is read."""

import pytest

from shared.catalog.result_store import ResultStore
from shared.domain.analysis import Transcript, TranscriptLine
from shared.domain.errors import Permanent
from shared.domain.identifiers import SessionKey
from shared.domain.object_keys import result_key
from shared.domain.result import RecordingResult, UnreadableResultError, encode_result
from shared.storage.object_store import ObjectStore

LIMIT = 32 * 1024 * 1024


def result_of(session: str, *, text: str) -> RecordingResult:
    line = TranscriptLine(start=0, end=1, text=text)
    return RecordingResult(
        tenant="acme",
        session=session,
        lead=None,
        cause="x",
        audio_time="x",
        timestamp="x",
        transcript=Transcript(language=None, engine="x", segments=(line,)),
        analysis=None,
    )


async def test_a_result_is_read_as_it_was_stored_under_its_tenants_name(store: ObjectStore) -> None:
    result = result_of("small", text="Wörd.")
    results = ResultStore(store)
    stored = await results.put(result)
    found = await results.get(result.key)
    assert found is not None
    assert (found.result, found.stored) == (result, stored)
    assert stored.object_key == "acme/analysis_small.json"
    assert await results.get(SessionKey("default", "small")) is None
    await results.delete(result.key)
    assert await results.get(result.key) is None


async def test_a_result_over_the_limit_is_not_stored(store: ObjectStore) -> None:
    results = ResultStore(store)
    room = LIMIT - len(encode_result(result_of("full", text="")))
    await results.put(result_of("full", text="x" * room))
    assert await results.get(SessionKey("acme", "full")) is not None
    with pytest.raises(Permanent) as refused:
        await results.put(result_of("too-full", text="x" * (room + 1)))
    assert refused.value.code == "result_too_large"
    assert not await results.exists(SessionKey("acme", "too-full"))


async def test_an_object_over_the_limit_and_another_sessions_result_are_not_read(store: ObjectStore) -> None:
    results = ResultStore(store)
    key = SessionKey("acme", "huge")
    for body in (bytes(LIMIT + 1), encode_result(result_of("other", text="x"))):
        await store.put(result_key(key), body, content_type="application/json", metadata={})
        with pytest.raises(UnreadableResultError):
            await results.get(key)
