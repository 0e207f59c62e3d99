"""What the stream last said of a session, read by subject: the answer survives every process of ours."""

from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from shared.bus import Bus
from shared.codec import Envelope, decode
from shared.errors import Unavailable
from shared.events import Event
from shared.subjects import STREAM, SessionKey, subject_of


async def last_event(bus: Bus, key: SessionKey, kind: type[Event]) -> Envelope | None:
    """Return the newest event of `kind` of a session, or None; raises Unavailable when the bus is away."""
    if not bus.connected:
        raise Unavailable("The bus is not reachable.", code="bus_unavailable")
    try:
        message = await bus.jetstream.get_last_msg(STREAM, subject_of(key, kind.NAME), direct=True)
    except NotFoundError:
        return None
    except (NatsError, TimeoutError) as exc:
        raise Unavailable("The bus did not answer.", code="bus_unavailable") from exc
    return decode(message.data or b"")
