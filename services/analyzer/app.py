"""The analyzer, put together: what it owns, in the order in which it is opened."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.applications import Starlette

from services.analyzer.admission import Admission
from services.analyzer.analyze import Analyzer
from services.analyzer.one_shot import OneShotAnalyzer
from services.analyzer.rate_limit import RateLimit
from services.analyzer.routes import AnalysisLimits, analysis_routes
from services.analyzer.score.local import LocalScorer
from services.analyzer.score.protocol import Scorer
from services.analyzer.settings import AnalyzerSettings
from services.analyzer.transcribe.moonshine import open_moonshine
from services.analyzer.transcribe.protocol import Transcriber
from services.analyzer.worker import SERVICE, AnalysisWorker
from shared.auth.authenticator import create_authenticator
from shared.catalog.event_store import open_event_store
from shared.domain.events import AudioReady
from shared.domain.subjects import event_filter
from shared.messaging.bus import Bus, open_bus
from shared.messaging.work_queue import QueuePolicy, WorkQueue
from shared.observability.metrics import Metrics
from shared.process.tasks import background_tasks
from shared.runtime.service import Service, WhileRunning, create_service_app
from shared.storage.object_store import open_store


@asynccontextmanager
async def open_models(settings: AnalyzerSettings) -> AsyncIterator[tuple[Transcriber, Scorer]]:
    """Open both; nothing is asked of either before the first recording."""
    if settings.openai_api_key is None:
        async with open_moonshine(deadline=settings.model_deadline_seconds) as transcriber:
            yield transcriber, LocalScorer()
        return
    # Only here, since the SDK costs 50 MB and most of a second.
    from services.analyzer.openai_client import open_client  # noqa: PLC0415
    from services.analyzer.score.openai import OpenAIScorer  # noqa: PLC0415
    from services.analyzer.transcribe.openai import OpenAITranscriber  # noqa: PLC0415

    key = settings.openai_api_key.get_secret_value()
    deadline = settings.model_deadline_seconds
    async with open_client(key, settings.openai_base_url, retries=settings.openai_retries) as client:
        yield (
            OpenAITranscriber(client, settings.openai_transcribe_model, deadline=deadline),
            OpenAIScorer(client, settings.openai_score_model, deadline=deadline),
        )


def create_service(settings: AnalyzerSettings, metrics: Metrics) -> Service:
    """Return the analyzer as an application; it is ready when it can be given work."""
    buses = WhileRunning[Bus]()
    one_shots = WhileRunning[OneShotAnalyzer]()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            bus, analyst = await _open(stack, settings, metrics)
            with buses.holding(bus), one_shots.holding(OneShotAnalyzer(analyst, settings.decode_policy())):
                yield

    async def bus_answers() -> str | None:
        return await buses().check()

    return create_service_app(
        SERVICE,
        routes=analysis_routes(
            one_shots,
            _limits(settings),
            RateLimit(settings.rate_limit_per_minute),
            Admission(concurrency=settings.analyze_concurrency, wait=settings.analyze_wait_seconds),
        ),
        lifespan=lifespan,
        checks=[bus_answers],
        metrics=metrics,
        authenticator=create_authenticator(settings.jwt_config(), metrics),
        origins=settings.origin_policy(),
    )


async def _open(stack: AsyncExitStack, settings: AnalyzerSettings, metrics: Metrics) -> tuple[Bus, Analyzer]:
    """Open what the work needs, then begin it: at the end it is given back while the bus is still there."""
    bus = await stack.enter_async_context(open_bus(settings.bus_config(), service=SERVICE, metrics=metrics))
    store = await stack.enter_async_context(open_store(settings.store()))
    transcriber, scorer = await stack.enter_async_context(open_models(settings))
    analyst = Analyzer(transcriber, scorer)
    chronicle = open_event_store(bus, store, replicas=settings.nats_replicas)
    worker = AnalysisWorker(bus, chronicle, analyst)
    queue = WorkQueue(bus, _policy(settings), worker, metrics)
    await stack.enter_async_context(background_tasks(*queue.workers()))
    return bus, analyst


def _limits(settings: AnalyzerSettings) -> AnalysisLimits:
    return AnalysisLimits(
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
