"""The analyzer, put together: what it owns, in the order in which it is opened."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.applications import Starlette

from services.analyzer.admission import Admission
from services.analyzer.analyze import Analyst
from services.analyzer.handlers import SERVICE, AnalysisWorker
from services.analyzer.models import open_models
from services.analyzer.one_shot import OneShot
from services.analyzer.rate_limit import RateLimit
from services.analyzer.routes import AnalysisLimits, analysis_routes
from services.analyzer.settings import AnalyzerSettings
from shared.auth.authenticator import create_authenticator
from shared.bus import Bus, open_bus
from shared.chronicle import open_chronicle
from shared.consumer import QueuePolicy, WorkQueue
from shared.events import AudioReady
from shared.http.service import Service, WhileRunning, assemble_service
from shared.metrics import Metrics
from shared.objects import open_store
from shared.subjects import every_session
from shared.tasks import owned_tasks


def create_service(settings: AnalyzerSettings, metrics: Metrics) -> Service:
    """Return the analyzer as an application; it is ready when it can be given work."""
    buses = WhileRunning[Bus]()
    one_shots = WhileRunning[OneShot]()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            bus, analyst = await _open(stack, settings, metrics)
            with buses.holding(bus), one_shots.holding(OneShot(analyst, settings.decode_policy())):
                yield

    async def bus_answers() -> str | None:
        return await buses().check()

    return assemble_service(
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
        authenticator=create_authenticator(settings.token_checks(), metrics),
        origins=settings.origins(),
    )


async def _open(stack: AsyncExitStack, settings: AnalyzerSettings, metrics: Metrics) -> tuple[Bus, Analyst]:
    """Open what the work needs, then begin it: at the end it is given back while the bus is still there."""
    bus = await stack.enter_async_context(open_bus(settings.bus(), service=SERVICE, metrics=metrics))
    store = await stack.enter_async_context(open_store(settings.store()))
    transcriber, scorer = await stack.enter_async_context(open_models(settings))
    analyst = Analyst(transcriber, scorer)
    chronicle = open_chronicle(bus, store, replicas=settings.nats_replicas)
    worker = AnalysisWorker(bus, chronicle, analyst)
    queue = WorkQueue(bus, _policy(settings), worker, metrics)
    await stack.enter_async_context(owned_tasks(*queue.hands()))
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
        subject=every_session(AudioReady.NAME),
        concurrency=settings.analyzer_concurrency,
        tries=settings.analysis_tries,
        first_retry=settings.analysis_first_retry_seconds,
        ack_wait=settings.redelivery_seconds,
    )
