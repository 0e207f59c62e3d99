"""What was bought for a recording is bought once, however often its job is tried."""

import json

import pytest

from services.analyzer.analyze import Analyzer
from services.analyzer.bought_answers import BoughtAnswers
from services.analyzer.openai_api.errors import UnreadableAnswer
from services.analyzer.openai_api.service import ModelService
from services.analyzer.score.judge.scorer import JudgeScorer
from services.analyzer.transcribe.openai import OpenAITranscriber
from services.analyzer.worker import AnalysisWorker
from shared.catalog.event_store import open_event_store
from shared.domain.errors import Unavailable
from shared.domain.events import AnalysisCompleted
from shared.domain.object_keys import bought_answer_key, bought_answers_prefix
from shared.messaging.bus import Bus, last_event
from shared.storage.object_store import ObjectStore
from tests.integration.analyzer.fake_openai import NO_GRADES, FakeOpenAI, Reply, failure, judged
from tests.integration.analyzer.model_services import open_service
from tests.integration.analyzer.recordings import put, wav_of
from tests.integration.analyzer.speech import piece, speech_sample
from tests.integration.shared.test_decode import POLICY
from tests.unit.analyzer.level_detector import LevelDetector
from tests.unit.analyzer.raters import InProcessRater, local_scorer, words_model

SAID = Reply({"text": "You are late.", "segments": [{"start": 0.5, "end": 2, "text": " You are late."}]})
CALM = judged(json.dumps(NO_GRADES))


def worker(bus: Bus, store: ObjectStore, service: ModelService) -> AnalysisWorker:
    transcriber = OpenAITranscriber(service, "whisper-1", deadline=10)
    events = open_event_store(bus, store, replicas=1)
    analyzer = Analyzer(
        transcriber,
        JudgeScorer(service, "m", local=local_scorer(), words=InProcessRater(words_model()), deadline=10),
        LevelDetector(),
        for_session=lambda key: transcriber.keeping(BoughtAnswers(events, key)),
    )
    return AnalysisWorker(bus, events, analyzer, POLICY)


def requests_to(server: FakeOpenAI, path: str) -> int:
    return sum(request.path.endswith(path) for request in server.requests)


async def kept(answers: BoughtAnswers) -> list[str]:
    store = answers.events.store
    return [key async for key in store.list_keys(bought_answers_prefix(answers.session))]


async def test_while_the_judge_is_away_the_transcript_is_bought_once(
    bus: Bus, store: ObjectStore, openai_server: FakeOpenAI
) -> None:
    job = await put(store, "bought-once", wav_of(speech_sample()))
    openai_server.will_reply(SAID, failure(503))
    async with open_service(openai_server.base_url, retries=0) as service:
        for _ in range(3):
            with pytest.raises(Unavailable):
                await worker(bus, store, service).handle(job)
        openai_server.will_reply(CALM)
        await worker(bus, store, service).handle(job)
    assert requests_to(openai_server, "transcriptions") == 1
    assert await last_event(bus, job.key, AnalysisCompleted) is not None


async def test_answers_are_kept_no_longer_than_until_the_result_is_stored(
    bus: Bus, store: ObjectStore, openai_server: FakeOpenAI
) -> None:
    job = await put(store, "bought-until", wav_of(speech_sample()))
    answers = BoughtAnswers(open_event_store(bus, store, replicas=1), job.key)
    openai_server.will_reply(SAID, failure(503), CALM)
    async with open_service(openai_server.base_url, retries=0) as service:
        with pytest.raises(Unavailable):
            await worker(bus, store, service).handle(job)
        assert len(await kept(answers)) == 1
        await worker(bus, store, service).handle(job)
    assert await kept(answers) == []


async def test_answers_are_erased_with_their_session(bus: Bus, store: ObjectStore, openai_server: FakeOpenAI) -> None:
    job = await put(store, "bought-erased", wav_of(speech_sample()))
    answers = BoughtAnswers(open_event_store(bus, store, replicas=1), job.key)
    await answers.put("a" * 64, "{}")
    await answers.events.delete_session(job.key, None)
    assert await kept(answers) == []
    await answers.put("b" * 64, "{}")  # as a job does that was at work meanwhile
    assert await kept(answers) == []
    await store.put(bought_answer_key(job.key, "c" * 64), b"{}", content_type="text/plain", metadata={})
    async with open_service(openai_server.base_url) as service:
        await worker(bus, store, service).handle(job)  # delivered again after a crash between the two steps
    assert await kept(answers) == []
    assert openai_server.requests == []


async def test_another_model_or_other_sound_is_bought_anew(
    bus: Bus, store: ObjectStore, openai_server: FakeOpenAI, model_service: ModelService
) -> None:
    job = await put(store, "bought-anew", wav_of(speech_sample()))
    answers = BoughtAnswers(open_event_store(bus, store, replicas=1), job.key)
    openai_server.will_reply(SAID)
    for model, pcm in (
        ("whisper-1", speech_sample()),
        ("whisper-2", speech_sample()),
        ("whisper-1", speech_sample()[:96_000]),
        ("whisper-1", speech_sample()),
    ):
        transcriber = OpenAITranscriber(model_service, model, deadline=10, bought=answers)
        assert (await transcriber.transcribe(piece(pcm))).lines[0].text == "You are late."
    assert len(openai_server.requests) == 3


async def test_an_answer_that_can_not_be_read_is_not_kept(
    bus: Bus, store: ObjectStore, openai_server: FakeOpenAI, model_service: ModelService
) -> None:
    job = await put(store, "bought-broken", wav_of(speech_sample()))
    answers = BoughtAnswers(open_event_store(bus, store, replicas=1), job.key)
    transcriber = OpenAITranscriber(model_service, "whisper-1", deadline=10, bought=answers)
    openai_server.will_reply(Reply('{"text": "You ar'))
    with pytest.raises(UnreadableAnswer):
        await transcriber.transcribe(piece(speech_sample()))
    assert await kept(answers) == []


async def test_answers_kept_in_the_archive_are_no_events(bus: Bus, store: ObjectStore) -> None:
    job = await put(store, "bought-archive", wav_of(speech_sample()))
    events = open_event_store(bus, store, replicas=1)
    await BoughtAnswers(events, job.key).put("a" * 64, "{}")
    names = [name async for name in events.archived_keys()]
    assert not any("bought" in name.split("/") for name in names)
