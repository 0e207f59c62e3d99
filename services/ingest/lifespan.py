"""What ingest's routes call, opened in order and closed in reverse."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass

from services.ingest.api.unconfigured_store import open_optional_store
from services.ingest.background.deleted_object_watch import DeletedObjectWatch
from services.ingest.background.reaper import Reaper
from services.ingest.background.spool_scanner import SpoolScanner
from services.ingest.background.temp_file_sweeper import run_temp_file_sweeper
from services.ingest.call_recordings.cases import RecordingCases, create_recording_cases
from services.ingest.call_recordings.chunk_requests import RecordingLimits
from services.ingest.documents.cases import DocumentCases
from services.ingest.finalization.finalizer import Finalizer
from services.ingest.finalization.manifest_writer import ManifestWriter
from services.ingest.finalization.outbox import Outbox
from services.ingest.finalization.result_waiters import ResultWaiters
from services.ingest.indexed_uploads.callbacks.scheduler import open_callbacks
from services.ingest.indexed_uploads.completion import UploadCompleter
from services.ingest.intake.admission import Admission
from services.ingest.intake.chunk_intake import ChunkIntake
from services.ingest.intake.chunk_store import ChunkStore
from services.ingest.intake.disk_reserve import DiskReserve
from services.ingest.intake.tenant_quota import TenantQuota
from services.ingest.raw_chunks.used_session_ids import UsedSessionIds
from services.ingest.session_state.expiry import SessionExpirer
from services.ingest.session_state.opened_sessions import OpenedSessions
from services.ingest.session_state.session_cache import SessionCache
from services.ingest.sessions.deletion import SessionDeleter
from services.ingest.sessions.status import StatusReader
from services.ingest.settings import IngestSettings
from shared.catalog.event_store import open_event_store
from shared.messaging.bus import open_bus
from shared.observability.metrics import Metrics
from shared.process.tasks import background_tasks
from shared.storage.spool import Spool

_DAY = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class UseCases:
    """One use case a member; they share one executor, one bus connection and one store."""

    admission: Admission
    used_ids: UsedSessionIds
    receiver: ChunkIntake
    finalizer: Finalizer
    openings: OpenedSessions
    status: StatusReader
    eraser: SessionDeleter
    uploads: UploadCompleter
    documents: DocumentCases
    recordings: RecordingCases


async def open_ingest(stack: AsyncExitStack, settings: IngestSettings, spool: Spool, metrics: Metrics) -> UseCases:
    """Open from the disk outwards: the spool must work, the bus and the store may come later."""
    executor = ThreadPoolExecutor(settings.spool_threads, thread_name_prefix="spool")
    stack.callback(executor.shutdown)
    await asyncio.to_thread(spool.prepare)
    bus = await stack.enter_async_context(open_bus(settings.bus_config(), service="ingest", metrics=metrics))
    store = await open_optional_store(stack, settings)
    sessions = SessionCache()
    quota = TenantQuota(spool, executor, settings.tenant_quota_bytes)
    chunks = ChunkStore(spool, sessions, quota, max_session_size=settings.max_session_size)
    outbox = Outbox(executor, bus, metrics)
    results = ResultWaiters(bus)
    chronicle = open_event_store(bus, store, replicas=settings.nats_replicas)
    late = DeletedObjectWatch(spool, store, executor)
    eraser = SessionDeleter(spool, sessions, executor, chronicle, late)
    expirations = SessionExpirer(spool, sessions, settings.session_ttl_seconds)
    reaper = Reaper(spool, executor, chronicle, expirations, settings.ended_session_days * _DAY)
    rounds = SpoolScanner(spool, executor, [outbox, reaper])
    bus.on_ready(rounds.scan_soon)
    work = outbox.run(), rounds.run(), results.run(), eraser.run(), late.run(), run_temp_file_sweeper(spool, executor)
    await stack.enter_async_context(background_tasks(*work))
    callbacks = await stack.enter_async_context(open_callbacks(settings.callback(), spool, executor, bus, metrics))
    openings = OpenedSessions(spool, executor, bus)
    finalizer = Finalizer(
        spool, ManifestWriter(spool, sessions), outbox, results, executor, settings.finalize_wait_seconds
    )
    admission = _admission(settings, spool, quota)
    receiver = ChunkIntake(spool, chunks, executor, bus, metrics, workers=max(1, settings.spool_threads // 2))
    return UseCases(
        admission=admission,
        used_ids=UsedSessionIds(spool, sessions, executor, chronicle.catalog),
        receiver=receiver,
        finalizer=finalizer,
        openings=openings,
        status=StatusReader(spool, executor, chronicle.catalog, store),
        eraser=eraser,
        uploads=UploadCompleter(openings, finalizer, callbacks),
        documents=DocumentCases.of(
            seconds=settings.cloudflare_r2_signed_url_expiry,
            largest=settings.max_session_size,
            spool=spool,
            executor=executor,
            chronicle=chronicle,
            finalizer=finalizer,
        ),
        recordings=create_recording_cases(
            RecordingLimits(settings.body_limits(settings.max_chunk_size), settings.max_session_size),
            folder=settings.recordings_path,
            advised_chunk=settings.chunk_size,
            admission=admission,
            receiver=receiver,
            openings=openings,
            finalizer=finalizer,
            catalog=chronicle.catalog,
            store=store,
        ),
    )


def _admission(settings: IngestSettings, spool: Spool, quota: TenantQuota) -> Admission:
    return Admission(
        DiskReserve(spool.root, settings.min_free_disk),
        quota,
        at_once=settings.max_uploads_at_once,
        of_tenant=settings.max_uploads_per_tenant,
    )
