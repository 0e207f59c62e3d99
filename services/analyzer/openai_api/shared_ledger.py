"""What was spent each day, in a JetStream key-value bucket: a key for each day, changed by compare and set."""

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import BucketNotFoundError, KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue
from pydantic import TypeAdapter, ValidationError

from services.analyzer.openai_api.budget import NOTHING, Spending
from shared.domain.errors import Unavailable
from shared.messaging.bus import Bus

BUCKET = "ROOMTONE_BUDGET"

_SPENDING = TypeAdapter(Spending)
_KEPT_SECONDS = 2 * 24 * 3600
_TRIES = 10


class SharedLedger:
    """A ledger of all replicas on one bus."""

    def __init__(self, bus: Bus, *, replicas: int) -> None:
        self._bus = bus
        self._replicas = replicas

    async def add(self, day: str, amount: Spending) -> Spending:
        """Add to what was spent on `day` and return the sum; raises Unavailable while the bus is away."""
        if not self._bus.connected:
            raise Unavailable("The bus is not reachable.", code="bus_unavailable")
        try:
            bucket = await self._open(self._bus.jetstream)
            for _ in range(_TRIES):
                spent, revision = await _read(bucket, day)
                try:
                    await bucket.update(day, _SPENDING.dump_json(spent + amount), last=revision)
                except KeyWrongLastSequenceError:
                    continue
                return spent + amount
        except (NatsError, TimeoutError) as exc:
            raise Unavailable("The bus did not count what was spent.", code="bus_unavailable") from exc
        raise Unavailable("Too many replicas count at once: try again.", code="ledger_busy")

    async def _open(self, jetstream: JetStreamContext) -> KeyValue:
        try:
            return await jetstream.key_value(BUCKET)
        except BucketNotFoundError:
            config = KeyValueConfig(
                bucket=BUCKET,
                history=1,
                ttl=_KEPT_SECONDS,
                storage=StorageType.FILE,
                replicas=self._replicas,
            )
            return await jetstream.create_key_value(config)


async def _read(bucket: KeyValue, day: str) -> tuple[Spending, int]:
    try:
        entry = await bucket.get(day)
    except KeyNotFoundError:
        return NOTHING, 0
    try:
        return _SPENDING.validate_json(entry.value or b""), entry.revision or 0
    except ValidationError:
        return NOTHING, entry.revision or 0  # another version's: counted anew
