"""Checks from outside what must hold after the faults: in the bucket, on the stream, in the spool."""

import asyncio
from collections import defaultdict
from pathlib import Path

import nats
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig

from shared.catalog.result_store import ResultStore
from shared.domain.identifiers import SessionKey
from shared.domain.manifest import Manifest
from shared.storage.object_store import ObjectStore, open_store
from shared.storage.spool import Spool
from tests.chaos.environment import ChaosEnvironment
from tests.chaos.result import RunResult
from tests.chaos.scripted_session import ScriptedSession, sha256
from tests.chaos.sender import SentSessions
from tests.chaos.wav import wav_header

_STREAM = "ROOMTONE"
_QUEUES = ("assembler", "analyzer")
_RESULTS = ("audio.ready", "analysis.completed")
_FAILURES = ("audio.failed", "analysis.failed")
_READERS = 8
_HEADER = 44


async def unsettled(nats_url: str) -> int:
    """Return how many jobs wait in the queues or are not acknowledged yet."""
    client = await nats.connect(nats_url)
    try:
        infos = [await client.jetstream().consumer_info(_STREAM, queue) for queue in _QUEUES]
        return sum((info.num_pending or 0) + (info.num_ack_pending or 0) for info in infos)
    finally:
        await client.close()


async def audit(environment: ChaosEnvironment, sent: SentSessions, result: RunResult) -> None:
    """Check every promise of every finalized call (one that is not is a violation already); note broken ones."""
    calls = [call for call in sent.calls if call.finalized]
    await _audit_results(environment.nats.url, calls, result)
    workers = asyncio.Semaphore(_READERS)

    async def one(store: ObjectStore, call: ScriptedSession) -> None:
        async with workers:
            await _audit_call(store, environment.spool, call, result)

    async with open_store(environment.store.config()) as store, asyncio.TaskGroup() as reading:
        for call in calls:
            reading.create_task(one(store, call))
    _audit_spool(environment.spool, result)
    _audit_leftovers(environment.folder / "objects", ".rclone_temp_*", "in the store", result)


async def _audit_results(nats_url: str, calls: list[ScriptedSession], result: RunResult) -> None:
    """Check that each session has one `audio.ready` and one `analysis.completed`; repetitions have the same id."""
    client = await nats.connect(nats_url)
    try:
        found = {event: await _ids(client.jetstream(), event) for event in (*_RESULTS, *_FAILURES)}
    finally:
        await client.close()
    for call in calls:
        for event in _RESULTS:
            count = len(found[event][call.session])
            result.duplicates += max(0, count - 1)
            if count != 1:
                result.violated(f"{call.session} has {count} different {event}")
        for event in _FAILURES:
            if found[event][call.session]:
                result.violated(f"{call.session} has {event}")


async def _ids(jetstream: JetStreamContext, event: str) -> dict[str, set[str]]:
    """Return the ids of all messages of this event by session."""
    info = await jetstream.add_consumer(
        _STREAM, ConsumerConfig(ack_policy=AckPolicy.NONE, filter_subject=f"roomtone.v1.*.*.{event}", mem_storage=True)
    )
    subscription = await jetstream.pull_subscribe_bind(info.name, stream=_STREAM)
    ids: dict[str, set[str]] = defaultdict(set)
    left = info.num_pending or 0
    while left > 0:
        try:
            messages = await subscription.fetch(min(500, left), timeout=5)
        except NatsTimeoutError:
            break  # fewer than announced: the missing ones are noted as violations
        for message in messages:
            ids[message.subject.split(".")[3]].add((message.headers or {})["Nats-Msg-Id"])
        left -= len(messages)
    return ids


async def _audit_call(store: ObjectStore, spool: Spool, call: ScriptedSession, result: RunResult) -> None:
    stored = spool.session(SessionKey("default", call.session)).read_manifest()
    if stored is None:
        result.lost += len(call.acknowledged)
        result.violated(f"{call.session} has no manifest")
        return
    try:
        wav = b"".join([piece async for piece in store.read(f"audio_{call.session}.wav")])
    except Exception as exc:  # noqa: BLE001  # after any error the recording can't be read
        result.lost += len(call.acknowledged)
        result.violated(f"the WAV of {call.session} can't be read: {exc}")
        return
    if await ResultStore(store).get(SessionKey("default", call.session)) is None:
        result.violated(f"the transcript and analysis of {call.session} are not in the bucket")
    if call.result and call.result != sha256(wav):
        result.violated(f"the WAV of {call.session} is not the one in finalize's response")
    if wav[:_HEADER] != wav_header(len(wav) - _HEADER):
        result.violated(f"the WAV of {call.session} has another header than its length asks for")
    audit_chunks(call, stored.manifest, wav[_HEADER:], result)


def audit_chunks(call: ScriptedSession, manifest: Manifest, samples: bytes, result: RunResult) -> None:
    """Check that every acknowledged chunk stands whole at its index in the WAV, and nothing else does."""
    if [chunk.index for chunk in manifest.chunks] != list(range(len(manifest.chunks))):
        result.violated(f"{call.session} was finalized with gaps")
    if call.indexed and len(manifest.chunks) != len(call.chunks):
        result.violated(f"{call.session} has {len(manifest.chunks)} chunks, {len(call.chunks)} were sent")
    header = wav_header(sum(map(len, call.chunks)) - call.header) if call.header else b""
    recording = header + samples
    found: dict[int, str] = {}
    end = 0
    for chunk in manifest.chunks:
        begin, end = end, end + chunk.size
        found[chunk.index] = sha256(recording[begin:end])
    if end != len(recording):
        result.violated(f"the WAV of {call.session} has {len(recording)} bytes, its chunks have {end}")
    for index, digest in call.acknowledged.items():
        if found.get(index) != digest:
            result.lost += 1
            result.violated(f"{call.session}: acknowledged chunk {index} is not in its place in the WAV")


def _audit_spool(spool: Spool, result: RunResult) -> None:
    for directory in spool.sessions():
        if directory.manifest.exists() and not directory.result.exists():
            result.violated(f"{directory.key.session} is finalized and has no result")
        if directory.result.exists() and directory.chunk_sizes():
            result.violated(f"{directory.key.session} has ended and its chunks are still there")
    _audit_leftovers(spool.temporaries, "*", "in the spool", result)


def _audit_leftovers(folder: Path, pattern: str, where: str, result: RunResult) -> None:
    for path in folder.rglob(pattern):
        result.violated(f"{path.name} was left {where}")
