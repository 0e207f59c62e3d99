"""How often one caller may ask: a bucket of tokens each, filled steadily (RFC 2697 has the idea)."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from shared.domain.caller import Caller
from shared.domain.errors import RateLimited

_MOST_CALLERS = 10_000  # a few MB; who asks anew after that many others begins with a full bucket
_SUBNET = 64  # bits of an IPv6 address that one subscriber has: the rest is theirs to choose


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class RateLimit:
    """Lets each caller send `per_minute` requests a minute, all of them at once if they like; 0 is no limit.

    `clock` gives seconds from anywhere.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, who: str) -> None:
        """Count one request; raises TooMany with the whole seconds until the next one is let through."""
        if self._per_minute == 0:
            return
        bucket = self._bucket(who)
        if bucket.tokens < 1:
            seconds = math.ceil((1 - bucket.tokens) * 60 / self._per_minute)
            raise RateLimited(
                f"At most {self._per_minute} requests a minute: try again in {seconds} s.", retry_after=seconds
            )
        bucket.tokens -= 1

    def _bucket(self, who: str) -> _Bucket:
        """Return the caller's bucket as full as it is by now, and forget whoever asked longest ago."""
        now = self._clock()
        bucket = self._buckets.setdefault(who, _Bucket(self._per_minute, now))
        self._buckets.move_to_end(who)
        if len(self._buckets) > _MOST_CALLERS:
            self._buckets.popitem(last=False)
        bucket.tokens = min(self._per_minute, bucket.tokens + (now - bucket.filled_at) * self._per_minute / 60)
        bucket.filled_at = now
        return bucket


def rate_limit_key(caller: Caller, address: str | None) -> str:
    """Return whom a request counts for: the token's bearer, or the address of someone who has none."""
    if caller.expires is not None:
        return f"{caller.tenant}/{caller.subject}"
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return address or "unknown"
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or int(parsed) >> (128 - _SUBNET))
