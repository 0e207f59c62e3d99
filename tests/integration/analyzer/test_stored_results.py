"""A recording's result is in the bucket, whole, before its score is published, and goes when the session goes."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from shared.catalog.catalog import Catalog
from shared.catalog.event_store import EventStore
from shared.domain.envelope import Envelope, encode
from shared.domain.errors import Permanent, Unavailable
from shared.domain.events import AnalysisCompleted, AnalysisFailed, AudioReady
from shared.domain.object_keys import result_key
from shared.domain.result import RecordingResult, decode_result
from shared.messaging.bus import Bus, last_event
from shared.storage.object_store import ObjectStore, open_store
from shared.storage.settings import StoreConfig
from tests.integration.analyzer.recordings import put, times_published, wav_of
from tests.integration.analyzer.scripted_analyzer import LINES, SCORE, ScriptedAnalyzer, scripted_worker

WAV = wav_of(bytes(32_000))


class WatchedStore(ObjectStore):
    """A store that refuses, loses or spoils results as long as it is told to, and notes what it stores."""

    fault = ""
    stored: list[str]

    async def put(self, key: str, body: bytes, *, content_type: str, metadata: Mapping[str, str]) -> None:
        if "analysis_" in key and self.fault == "away":
            raise Unavailable("The store is not reachable.", code="store_unreachable")
        spoilt = body[:-1] + b"?" if "analysis_" in key and self.fault == "spoils" else body
        await super().put(key, spoilt, content_type=content_type, metadata=metadata)
        self.stored.append(key)

    async def sync(self, key: str) -> None:
        await super().sync(key)
        self.stored.append(f"synced {key}")


@pytest.fixture
async def watched(store_config: StoreConfig) -> AsyncIterator[WatchedStore]:
    async with open_store(store_config) as opened:
        store = WatchedStore(opened._client, store_config)
        store.stored = []
        yield store


async def body_of(store: ObjectStore, job: Envelope) -> bytes | None:
    """Return the bytes of the job's result, None if there is none."""
    if await store.head(result_key(job.key)) is None:
        return None
    return b"".join([piece async for piece in store.read(result_key(job.key))])


async def result_of(store: ObjectStore, job: Envelope) -> RecordingResult:
    body = await body_of(store, job)
    assert body is not None
    return decode_result(body)


async def completed(bus: Bus, job: Envelope) -> AnalysisCompleted | None:
    published = await last_event(bus, job.key, AnalysisCompleted)
    if published is None:
        return None
    assert isinstance(published.event, AnalysisCompleted)
    return published.event


def of_later_recording(job: Envelope) -> Envelope:
    """Return the job of a recording of the same session that was ready a second later."""
    assert isinstance(job.event, AudioReady)
    return replace(job, id="f" * 32, time=job.time + timedelta(seconds=1))


def events_of(bus: Bus, store: ObjectStore) -> EventStore:
    return EventStore(bus, store, Catalog(bus, replicas=1))


async def test_transcript_and_analysis_are_stored_and_the_event_points_to_them(bus: Bus, store: ObjectStore) -> None:
    job = replace(await put(store, "result", WAV), lead="17")
    await scripted_worker(bus, store, ScriptedAnalyzer()).handle(job)
    result, body, event = await result_of(store, job), await body_of(store, job), await completed(bus, job)
    assert (result.transcript.segments, result.analysis) == (LINES, SCORE)
    assert (result.cause, result.lead, result.key) == (job.id, "17", job.key)
    assert event is not None
    assert event.result is not None
    assert event.result.object_key == "analysis_result.json"
    assert (event.result.size_bytes, event.result.sha256) == (len(body or b""), hashlib.sha256(body or b"").hexdigest())
    assert (event.timestamp, event.evidence, event.language) == (result.timestamp, SCORE.evidence, "en")


async def test_of_twenty_thousand_lines_all_are_stored_while_the_event_stays_small(
    bus: Bus, store: ObjectStore
) -> None:
    lines = [replace(LINES[0], start=float(number), end=number + 0.5) for number in range(20_000)]
    job = await put(store, "twenty-thousand", WAV)
    await scripted_worker(bus, store, ScriptedAnalyzer(lines=lines)).handle(job)
    assert list((await result_of(store, job)).transcript.segments) == lines
    published = await last_event(bus, job.key, AnalysisCompleted)
    assert published is not None
    assert len(encode(published)) < 512 * 1024
    event = await completed(bus, job)
    assert event is not None
    assert event.transcript_truncated
    assert 0 < len(event.transcript) < 20_000


@pytest.mark.parametrize("fault", ["away", "spoils"])
async def test_nothing_is_published_before_the_bucket_holds_the_result(
    bus: Bus, watched: WatchedStore, fault: str
) -> None:
    job = await put(watched, f"store-{fault}", WAV)
    working = scripted_worker(bus, watched, ScriptedAnalyzer())
    watched.fault = fault
    with pytest.raises(Unavailable):
        await working.handle(job)
    assert await completed(bus, job) is None
    watched.fault = ""
    await working.handle(job)
    assert await completed(bus, job) is not None
    assert (await result_of(watched, job)).analysis == SCORE


async def test_the_result_is_stored_and_synced_before_the_event_is_archived(bus: Bus, watched: WatchedStore) -> None:
    job = await put(watched, "order", WAV)
    await scripted_worker(bus, watched, ScriptedAnalyzer()).handle(job)
    archived = ".roomtone/default/order/analysis.completed.json"
    result = "analysis_order.json"
    assert watched.stored[1:] == [result, f"synced {result}", archived, f"synced {archived}"]


async def test_a_result_of_another_version_is_replaced(bus: Bus, store: ObjectStore) -> None:
    job = await put(store, "spoilt", WAV)
    await store.put(result_key(job.key), b'{"version":2}', content_type="application/json", metadata={})
    await scripted_worker(bus, store, ScriptedAnalyzer()).handle(job)
    assert (await result_of(store, job)).analysis == SCORE


async def test_a_newer_recordings_result_replaces_an_older_ones_and_never_the_other_way_round(
    bus: Bus, watched: WatchedStore
) -> None:
    older = await put(watched, "twice-recorded", WAV)
    newer = of_later_recording(older)
    for job in (older, newer):
        await scripted_worker(bus, watched, ScriptedAnalyzer()).handle(job)
        assert (await result_of(watched, job)).cause == job.id
    again = replace(older, id="a" * 32)
    before = list(watched.stored)
    late = ScriptedAnalyzer()
    await scripted_worker(bus, watched, late).handle(again)
    assert late.calls == 0
    assert watched.stored == before
    assert (await result_of(watched, older)).cause == newer.id
    assert await times_published(bus, older, AnalysisCompleted) == 2


async def test_what_was_stored_while_a_recording_was_analyzed_is_not_replaced(bus: Bus, store: ObjectStore) -> None:
    older = await put(store, "overtaken", WAV)
    newer = of_later_recording(older)
    calm = ScriptedAnalyzer(analysis=replace(SCORE, temperature=3))
    for meanwhile, temperature in ((older, 3), (newer, 3)):
        overtaking = scripted_worker(bus, store, calm)
        slow = ScriptedAnalyzer(meanwhile=partial(overtaking.handle, meanwhile))
        await scripted_worker(bus, store, slow).handle(replace(older, id="a" * 32) if meanwhile is newer else older)
        result = await result_of(store, older)
        assert result.cause == meanwhile.id
        assert result.analysis is not None
        assert result.analysis.temperature == temperature
    event = await completed(bus, older)
    assert event is not None
    assert event.temperature == 3


async def test_a_language_that_is_not_supported_leaves_a_transcript_and_a_failure_that_points_to_it(
    bus: Bus, store: ObjectStore
) -> None:
    job = await put(store, "foreign", WAV)
    working = scripted_worker(bus, store, ScriptedAnalyzer(foreign=True))
    with pytest.raises(Permanent) as refused:
        await working.handle(job)
    assert refused.value.code == "language_not_supported"
    await working.give_up(job, refused.value)
    result = await result_of(store, job)
    assert (result.transcript.segments, result.analysis) == (LINES, None)
    published = await last_event(bus, job.key, AnalysisFailed)
    assert published is not None
    assert isinstance(published.event, AnalysisFailed)
    assert published.event.code == "language_not_supported"
    assert published.event.result is not None
    assert published.event.result.sha256 == hashlib.sha256(await body_of(store, job) or b"").hexdigest()
    assert await completed(bus, job) is None


async def test_a_scorers_reason_code_says_the_same(bus: Bus, store: ObjectStore) -> None:
    job = await put(store, "foreign-words", WAV)
    analysis = replace(SCORE, temperature=1, confidence=0, reason_codes=("language_not_supported",))
    with pytest.raises(Permanent):
        await scripted_worker(bus, store, ScriptedAnalyzer(analysis=analysis)).handle(job)
    assert (await result_of(store, job)).analysis is None


async def test_a_retry_of_an_unsupported_language_analyzes_again(bus: Bus, store: ObjectStore) -> None:
    job = await put(store, "foreign-retried", WAV)
    with pytest.raises(Permanent):
        await scripted_worker(bus, store, ScriptedAnalyzer(foreign=True)).handle(job)
    await scripted_worker(bus, store, ScriptedAnalyzer()).handle(job)
    assert (await result_of(store, job)).analysis == SCORE
    assert await completed(bus, job) is not None


async def test_of_a_session_that_is_deleted_while_it_is_analyzed_nothing_is_left(
    bus: Bus, watched: WatchedStore
) -> None:
    job = await put(watched, "deleted-under-way", WAV)
    events = events_of(bus, watched)
    analyzer = ScriptedAnalyzer(meanwhile=lambda: events.delete_session(job.key, None))
    await scripted_worker(bus, watched, analyzer).handle(job)
    assert analyzer.calls == 1
    assert await body_of(watched, job) is None
    assert await completed(bus, job) is None
    assert watched.stored == ["audio_deleted-under-way.wav"]


async def test_of_a_session_that_is_deleted_while_its_result_is_stored_nothing_is_left(
    bus: Bus, store_config: StoreConfig, store: ObjectStore
) -> None:
    job = await put(store, "deleted-in-storing", WAV)

    class DeletingStore(ObjectStore):
        async def sync(self, key: str) -> None:
            await events_of(bus, store).delete_session(job.key, None)
            if "analysis_" in key:  # as if it came a moment after the deletion had looked
                await super().put(key, b"{}", content_type="application/json", metadata={})

    async with open_store(store_config) as opened:
        await scripted_worker(bus, DeletingStore(opened._client, store_config), ScriptedAnalyzer()).handle(job)
    assert await body_of(store, job) is None
    assert await completed(bus, job) is None
    assert [name async for name in store.list_keys(".roomtone/default/deleted-in-storing/")] == []


async def test_what_a_killed_analyzer_left_of_a_deleted_session_goes_with_the_next_delivery(
    bus: Bus, store: ObjectStore
) -> None:
    job = await put(store, "left-over", WAV)
    await events_of(bus, store).delete_session(job.key, None)
    await store.put(result_key(job.key), b"{}", content_type="application/json", metadata={})
    analyzer = ScriptedAnalyzer()
    await scripted_worker(bus, store, analyzer).handle(job)
    assert analyzer.calls == 0
    assert await body_of(store, job) is None
