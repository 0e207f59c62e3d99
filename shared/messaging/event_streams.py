"""Makes the streams of events: `ROOMTONE` on disk for all that must be kept, `ROOMTONE_PROGRESS` in memory.

Progress is many messages a second that nobody reads later; on the stream on disk each would cost a sync of its own.
"""

from dataclasses import replace

from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError
from nats.js.manager import JetStreamManager

from shared.domain.subjects import PROGRESS_EVENTS, PROGRESS_STREAM, STORED_EVENTS, STREAM
from shared.messaging.settings import BusConfig

_DAY = 24 * 3600.0
_PROGRESS_SECONDS = 300.0
_PROGRESS_BYTES = 32 * 1024 * 1024


async def ensure_event_streams(manager: JetStreamManager, config: BusConfig) -> None:
    """Make each stream that is missing; raises nats.errors.Error and TimeoutError.

    A stream that is there stays as it was made, with its operator's limits. Only its subjects are brought up to date:
    in older versions `ROOMTONE` had progress as well, and no two streams may have the same subjects.
    """
    await _ensure(manager, STREAM, _stored(config))
    await _ensure(manager, PROGRESS_STREAM, _progress())


async def _ensure(manager: JetStreamManager, name: str, wanted: StreamConfig) -> None:
    try:
        found = (await manager.stream_info(name)).config
    except NotFoundError:
        await manager.add_stream(wanted)
        return
    if set(found.subjects or ()) != set(wanted.subjects or ()):
        await manager.update_stream(replace(found, subjects=wanted.subjects))


def _stored(config: BusConfig) -> StreamConfig:
    return StreamConfig(
        name=STREAM,
        subjects=list(STORED_EVENTS),
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        num_replicas=config.replicas,
        max_age=config.max_age_days * _DAY,
        allow_direct=True,
    )


def _progress() -> StreamConfig:
    return StreamConfig(
        name=PROGRESS_STREAM,
        subjects=list(PROGRESS_EVENTS),
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.MEMORY,
        discard=DiscardPolicy.OLD,
        num_replicas=1,
        max_age=_PROGRESS_SECONDS,
        max_bytes=_PROGRESS_BYTES,
        allow_direct=True,
    )
