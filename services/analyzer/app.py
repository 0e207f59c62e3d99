"""The analyzer's application: its models, its queue and its route, opened in order and closed in reverse."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette

from services.analyzer.admission import Admission
from services.analyzer.analyze import Analyzer
from services.analyzer.bought_answers import BoughtAnswers
from services.analyzer.model_process.models import LocalModels, open_local_models
from services.analyzer.one_shot import OneShotAnalyzer
from services.analyzer.one_shot_request import OneShotLimits
from services.analyzer.rate_limit import RateLimit
from services.analyzer.routes import ROUTES
from services.analyzer.score.local import LocalScorer
from services.analyzer.score.protocol import Scorer
from services.analyzer.score.temperature import Thermometer
from services.analyzer.score.words.model_rater import ModelRater
from services.analyzer.settings import AnalyzerSettings
from services.analyzer.speech_to_text.routes import SPEECH_TO_TEXT_ROUTES, SpeechToTextState
from services.analyzer.transcribe.local_voice import LocalVoiceDetector
from services.analyzer.transcribe.model_folder import recognise
from services.analyzer.transcribe.moonshine import MoonshineTranscriber
from services.analyzer.transcribe.protocol import Transcriber
from services.analyzer.transcribe.sherpa import SherpaTranscriber
from services.analyzer.transcribe.speakers import SpeakerGuesser
from services.analyzer.worker import SERVICE, AnalysisWorker
from shared.auth.authenticator import create_authenticator
from shared.catalog.event_store import EventStore, open_event_store
from shared.domain.events import AudioReady
from shared.domain.identifiers import SessionKey
from shared.domain.subjects import event_filter
from shared.messaging.bus import Bus, open_bus
from shared.messaging.work_queue import QueuePolicy, WorkQueue
from shared.observability.metrics import Metrics
from shared.process.tasks import background_tasks
from shared.runtime.service import Service, create_service_app
from shared.storage.object_store import open_store


@dataclass(frozen=True, slots=True)
class Models:
    """What analyses a recording; `for_session`, if any, makes the transcriber of a session's recording."""

    transcriber: Transcriber
    scorer: Scorer
    for_session: Callable[[SessionKey], Transcriber] | None = None


async def own_transcriber(settings: AnalyzerSettings, local: LocalModels) -> Transcriber | None:
    """Return the transcriber with the operator's own model, tried; raises Permanent if that can't be used."""
    if settings.model_dir is None:
        return None
    own = SherpaTranscriber(local, recognise(settings.model_dir), settings.model_language)
    await own.check()
    return own


@asynccontextmanager
async def open_models(
    settings: AnalyzerSettings, local: LocalModels, bus: Bus, events: EventStore
) -> AsyncIterator[Models]:
    """Open transcriber and scorer; none is used before the first recording but a model of the operator's own."""
    thermometer = Thermometer(settings.calibration())
    words = ModelRater(local)
    scorer = LocalScorer(words, thermometer, voices=not settings.words_only)
    own = await own_transcriber(settings, local)
    if settings.openai_api_key is None:
        yield Models(own or MoonshineTranscriber(local), scorer)
        return
    # Imported only here: the SDK costs 50 MB and most of a second.
    from services.analyzer.openai_api.budget import BudgetLimits, DailyBudget  # noqa: PLC0415
    from services.analyzer.openai_api.client import open_client  # noqa: PLC0415
    from services.analyzer.openai_api.service import ModelService  # noqa: PLC0415
    from services.analyzer.openai_api.shared_ledger import SharedLedger  # noqa: PLC0415
    from services.analyzer.score.judge.scorer import JudgeScorer  # noqa: PLC0415
    from services.analyzer.transcribe.openai import OpenAITranscriber  # noqa: PLC0415
    from services.analyzer.transcribe.stand_in import TranscriberWithStandIn  # noqa: PLC0415

    key = settings.openai_api_key.get_secret_value()
    deadline = settings.model_deadline_seconds
    async with open_client(key, settings.openai_base_url, retries=settings.openai_retries) as client:
        limits = BudgetLimits(seconds=settings.openai_daily_seconds, tokens=settings.openai_daily_tokens)
        budget = DailyBudget(limits, SharedLedger(bus, replicas=settings.nats_replicas))
        service = ModelService(client, budget)
        judge = JudgeScorer(service, settings.openai_score_model, local=scorer, words=words, deadline=deadline)
        if own is not None:
            yield Models(own, judge)
            return
        bought = OpenAITranscriber(service, settings.openai_transcribe_model, deadline=deadline)
        stand_in = MoonshineTranscriber(local)
        yield Models(
            TranscriberWithStandIn(bought, stand_in),
            judge,
            for_session=lambda key: TranscriberWithStandIn(bought.keeping(BoughtAnswers(events, key)), stand_in),
        )


class AnalyzerState(SpeechToTextState):
    """The lifespan state: what the handler and the readiness check use."""

    bus: Bus


def create_service(settings: AnalyzerSettings, metrics: Metrics) -> Service:
    """Return the analyzer as a service; it is ready when jobs can reach it."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[AnalyzerState]:
        async with AsyncExitStack() as stack:
            yield await open_analyzer(stack, settings, metrics)

    return create_service_app(
        SERVICE,
        routes=[*ROUTES, *SPEECH_TO_TEXT_ROUTES],
        lifespan=lifespan,
        checks=[lambda state: state["bus"].check()],
        metrics=metrics,
        authenticator=create_authenticator(settings.jwt_config(), metrics),
        origins=settings.origin_policy(),
    )


async def open_analyzer(stack: AsyncExitStack, settings: AnalyzerSettings, metrics: Metrics) -> AnalyzerState:
    """Open what jobs need, then the queue: at the end it gives unfinished jobs back while the bus is still open."""
    bus = await stack.enter_async_context(open_bus(settings.bus_config(), service=SERVICE, metrics=metrics))
    store = await stack.enter_async_context(open_store(settings.store()))
    events = open_event_store(bus, store, replicas=settings.nats_replicas)
    local = await stack.enter_async_context(open_local_models(deadline=settings.model_deadline_seconds))
    models = await stack.enter_async_context(open_models(settings, local, bus, events))
    analyzer = Analyzer(
        models.transcriber,
        models.scorer,
        LocalVoiceDetector(local),
        for_session=models.for_session,
        speakers=(lambda: SpeakerGuesser(local)) if settings.guess_speakers else None,
    )
    worker = AnalysisWorker(bus, events, analyzer, settings.channels_policy())
    queue = WorkQueue(bus, _policy(settings), worker, metrics)
    await stack.enter_async_context(background_tasks(*queue.workers()))
    return AnalyzerState(
        bus=bus,
        analyzer=OneShotAnalyzer(analyzer, settings.decode_policy()),
        one_shot_limits=_limits(settings),
        rate_limit=RateLimit(settings.rate_limit_per_minute),
        transcription_model=models.transcriber.name,
        transcription_language=_only(models.transcriber.languages),
        models_since=int(time.time()),
        admission=Admission(concurrency=settings.analyze_concurrency, wait=settings.analyze_wait_seconds),
    )


def _only(languages: Sequence[str]) -> str | None:
    return languages[0] if len(languages) == 1 else None


def _limits(settings: AnalyzerSettings) -> OneShotLimits:
    return OneShotLimits(
        file=settings.file_limits(),
        extensions=settings.allowed_extensions,
        seconds=settings.analyze_timeout_seconds,
    )


def _policy(settings: AnalyzerSettings) -> QueuePolicy:
    return QueuePolicy(
        durable=SERVICE,
        subject=event_filter(AudioReady.NAME),
        concurrency=settings.analyzer_concurrency,
        max_tries=settings.analysis_tries,
        first_retry=settings.analysis_first_retry_seconds,
        ack_wait=settings.redelivery_seconds,
    )
