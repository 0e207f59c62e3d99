"""Ingest's lifespan: opens everything in order, closes it in reverse, and gives the handlers their state."""

import asyncio
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass

from services.ingest.api.unconfigured_store import open_optional_store
from services.ingest.background.deleted_object_watch import DeletedObjectWatch
from services.ingest.background.reaper import Reaper
from services.ingest.background.spool_scanner import SpoolScanner
from services.ingest.background.temp_file_sweeper import run_temp_file_sweeper
from services.ingest.call_recordings.chunk_requests import RecordingLimits
from services.ingest.call_recordings.json_requests import largest_json
from services.ingest.call_recordings.state import CallRecordingsState, MemoryBudget
from services.ingest.call_recordings.stored_recordings import StoredRecordings
from services.ingest.call_recordings.uploads import RecordingUploads
from services.ingest.documents.manifests import DocumentManifests
from services.ingest.documents.reader import DocumentReader
from services.ingest.documents.registrations import DocumentRegistrar
from services.ingest.documents.routes import DirectUploadPolicy, DocumentsState
from services.ingest.documents.upload_urls import UploadUrlSigner
from services.ingest.finalization.finalizer import Finalizer
from services.ingest.finalization.manifest_writer import ManifestWriter
from services.ingest.finalization.outbox import Outbox
from services.ingest.finalization.result_waiters import ResultWaiters
from services.ingest.indexed_uploads.callbacks.scheduler import open_callbacks
from services.ingest.indexed_uploads.completion import UploadCompleter
from services.ingest.indexed_uploads.routes import IndexedUploadsState
from services.ingest.intake.admission import Admission
from services.ingest.intake.chunk_intake import ChunkIntake
from services.ingest.intake.chunk_progress import ChunkProgress
from services.ingest.intake.chunk_store import ChunkStore
from services.ingest.intake.disk_reserve import DiskReserve
from services.ingest.intake.group_commit import GroupCommit
from services.ingest.intake.sync_threads import SyncThreads
from services.ingest.intake.tenant_quota import TenantQuota
from services.ingest.playback.object_playback import Playback
from services.ingest.raw_chunks.routes import RawChunksState
from services.ingest.raw_chunks.used_session_ids import UsedSessionIds
from services.ingest.session_state.expiry import SessionExpirer
from services.ingest.session_state.opened_sessions import OpenedSessions
from services.ingest.session_state.path_claims import ObjectPathClaims
from services.ingest.session_state.session_cache import SessionCache
from services.ingest.sessions.deletion import SessionDeleter
from services.ingest.sessions.peaks import PeakReader
from services.ingest.sessions.result_reader import ResultReader
from services.ingest.sessions.routes import SessionsState
from services.ingest.sessions.status import StatusReader
from services.ingest.settings import IngestSettings
from shared.catalog.event_store import open_event_store
from shared.messaging.bus import Bus, open_bus
from shared.observability.metrics import Metrics
from shared.process.tasks import background_tasks
from shared.storage.spool import Spool

_DAY = 24 * 3600.0
_MAX_JSON = 64 * 1024  # of one JSON body without a chunk
_JSON_BYTES = 128 * 1024 * 1024  # of JSON bodies at once; read and decoded they take about three times as much


class IngestState(RawChunksState, IndexedUploadsState, CallRecordingsState, DocumentsState, SessionsState):
    """The lifespan state: everything that the handlers of the five API groups use."""


async def open_ingest(stack: AsyncExitStack, settings: IngestSettings, spool: Spool, metrics: Metrics) -> IngestState:
    """Open from the disk outwards: the spool must work, the bus and the store may come later."""
    syncs = stack.enter_context(SyncThreads(settings.sync_threads))  # before the threads that use it, so it ends later
    executor = ThreadPoolExecutor(settings.spool_threads, thread_name_prefix="spool")
    stack.callback(executor.shutdown)
    await asyncio.to_thread(spool.prepare)
    bus = await stack.enter_async_context(open_bus(settings.bus_config(), service="ingest", metrics=metrics))
    threads = _Threads(executor, syncs, max(1, settings.spool_threads // 2))
    store = await open_optional_store(stack, settings)
    events = open_event_store(bus, store, replicas=settings.nats_replicas)

    cache = SessionCache()
    quota = TenantQuota(spool, executor, settings.tenant_quota_bytes)
    outbox = Outbox(executor, bus, metrics)
    waiters = ResultWaiters(bus)
    watch = DeletedObjectWatch(spool, store, executor)
    deleter = SessionDeleter(spool, cache, executor, events, watch)
    expirer = SessionExpirer(spool, cache, settings.session_ttl_seconds)
    reaper = Reaper(spool, executor, events, expirer, settings.ended_session_days * _DAY)
    scanner = SpoolScanner(spool, executor, [outbox, reaper])
    bus.on_ready(scanner.scan_soon)
    work = outbox.run(), scanner.run(), waiters.run(), deleter.run(), watch.run()
    await stack.enter_async_context(background_tasks(*work, run_temp_file_sweeper(spool, executor)))
    callbacks = await stack.enter_async_context(open_callbacks(settings.callback(), spool, executor, bus, metrics))

    opened = OpenedSessions(spool, executor, bus)
    writer = ManifestWriter(spool, cache)
    finalizer = Finalizer(spool, writer, outbox, waiters, executor, settings.finalize_wait_seconds)
    chunks = ChunkStore(spool, cache, quota, max_session_size=settings.max_session_size)
    limits = settings.body_limits(settings.max_chunk_size)
    status = StatusReader(spool, executor, events.catalog, store)
    seconds, largest = settings.cloudflare_r2_signed_url_expiry, settings.max_session_size
    return IngestState(
        opened_sessions=opened,
        used_ids=UsedSessionIds(spool, cache, executor, events.catalog),
        intake=await _open_intake(
            stack, chunks, _admission(settings, spool, quota), threads=threads, bus=bus, metrics=metrics
        ),
        finalizer=finalizer,
        chunk_limits=limits,
        json_limits=limits.with_size(_MAX_JSON),
        status_reader=status,
        result_reader=ResultReader(status, events),
        session_deleter=deleter,
        upload_completer=UploadCompleter(opened, finalizer, callbacks),
        recording_uploads=_recording_uploads(settings, opened, finalizer),
        recording_limits=RecordingLimits(limits, settings.max_session_size),
        advised_chunk_size=min(settings.chunk_size, limits.size),
        json_memory=MemoryBudget(max(_JSON_BYTES, largest_json(limits.size))),
        stored_recordings=StoredRecordings(events.catalog),
        playback=Playback(store),
        peak_reader=PeakReader(store),
        direct_uploads=_direct_uploads(settings),
        url_signer=UploadUrlSigner(store, seconds, largest),
        document_registrar=DocumentRegistrar(events, DocumentManifests(spool), finalizer, executor, largest),
        document_reader=DocumentReader(spool, executor, events.catalog, store, seconds),
    )


@dataclass(frozen=True, slots=True)
class _Threads:
    """The spool's threads, those for syncs, and how many batches of chunks run beside each other."""

    executor: Executor
    syncs: SyncThreads
    workers: int


async def _open_intake(
    stack: AsyncExitStack, chunks: ChunkStore, admission: Admission, *, threads: _Threads, bus: Bus, metrics: Metrics
) -> ChunkIntake:
    progress = await stack.enter_async_context(ChunkProgress(bus.publish_nowait))
    observe = metrics.fsync_seconds.observe
    commits = GroupCommit(chunks, threads.executor, threads.syncs, workers=threads.workers, on_durable=observe)
    return ChunkIntake(admission, chunks, commits, progress, executor=threads.executor, bus=bus, metrics=metrics)


def _recording_uploads(settings: IngestSettings, opened: OpenedSessions, finalizer: Finalizer) -> RecordingUploads:
    return RecordingUploads(
        opened_sessions=opened,
        finalizer=finalizer,
        claims=ObjectPathClaims(finalizer.spool.claims),
        spool=finalizer.spool,
        executor=finalizer.executor,
        folder=settings.recordings_path,
    )


def _direct_uploads(settings: IngestSettings) -> DirectUploadPolicy:
    return DirectUploadPolicy(
        enabled=settings.cloudflare_r2_enable_direct_upload, configured=settings.has_store_settings
    )


def _admission(settings: IngestSettings, spool: Spool, quota: TenantQuota) -> Admission:
    return Admission(
        DiskReserve(spool.root, settings.min_free_disk),
        quota,
        max_uploads=settings.max_uploads_at_once,
        max_per_tenant=settings.max_uploads_per_tenant,
    )
