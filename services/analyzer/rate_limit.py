"""Rate limit per caller: one token bucket each, filled steadily (the idea is RFC 2697's)."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from shared.domain.caller import Caller
from shared.domain.errors import RateLimited

_MAX_CALLERS = 10_000  # a few MB; a caller that returns after that many others starts with a full bucket
_SUBNET = 64  # prefix length that one IPv6 subscriber gets; the other bits are the subscriber's to choose


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class RateLimit:
    """Allows each caller `per_minute` requests a minute, in one burst or spread out; 0 is no limit.

    `clock` gives seconds since any fixed moment.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, key: str) -> None:
        """Count one request of a caller; raises RateLimited with the whole seconds until the next one is allowed."""
        if self._per_minute == 0:
            return
        bucket = self._bucket(key)
        if bucket.tokens < 1:
            seconds = math.ceil((1 - bucket.tokens) * 60 / self._per_minute)
            raise RateLimited(
                f"At most {self._per_minute} requests a minute: try again in {seconds} s.", retry_after=seconds
            )
        bucket.tokens -= 1

    def _bucket(self, key: str) -> _Bucket:
        """Return the caller's bucket, filled up to now; drop the least recently used one if there are too many."""
        now = self._clock()
        bucket = self._buckets.setdefault(key, _Bucket(self._per_minute, now))
        self._buckets.move_to_end(key)
        if len(self._buckets) > _MAX_CALLERS:
            self._buckets.popitem(last=False)
        bucket.tokens = min(self._per_minute, bucket.tokens + (now - bucket.filled_at) * self._per_minute / 60)
        bucket.filled_at = now
        return bucket


def rate_limit_key(caller: Caller, address: str | None) -> str:
    """Return the key a request is counted under: tenant and subject of its token, or without one its address.

    Of an IPv6 address only the /64 prefix counts.
    """
    if caller.expires is not None:
        return f"{caller.tenant}/{caller.subject}"
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return address or "unknown"
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or int(parsed) >> (128 - _SUBNET))
