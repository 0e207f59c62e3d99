"""Waits for the expiry of a connection's token, which a newer token of the same tenant replaces."""

import asyncio
import math
import time
from collections.abc import Callable

from shared.domain.caller import Caller, Permission
from shared.domain.errors import NotAllowed

WARNING_SECONDS = 30.0

_RECHECK_SECONDS = 30.0  # the wall clock may be set during the wait


class TokenLifetime:
    """The lifetime of one connection's token; `clock` gives seconds since the epoch.

    The constructor raises NotAllowed for a caller without the permission to read events.
    """

    def __init__(self, caller: Caller, *, clock: Callable[[], float] = time.time) -> None:
        caller.require(Permission.EVENTS_READ)
        self._caller = caller
        self._clock = clock
        self._renewed = asyncio.Event()

    def renew(self, caller: Caller) -> None:
        """Replace the token by a newer one; raises NotAllowed without the permission, or for another tenant."""
        caller.require(Permission.EVENTS_READ)
        if caller.tenant != self._caller.tenant:
            raise NotAllowed("A new token must be of the tenant that the connection was opened for.")
        self._caller = caller
        self._renewed.set()

    async def watch(self, warn: Callable[[int], None]) -> None:
        """Wait until the token expires; `warn` is called with the seconds left, 30 at most, once for each token."""
        while True:
            self._renewed.clear()
            expires = self._caller.expires if self._caller.expires is not None else math.inf
            if await self._renewed_before(expires - WARNING_SECONDS):
                continue
            warn(max(1, round(expires - self._clock())))
            if not await self._renewed_before(expires):
                return

    async def _renewed_before(self, moment: float) -> bool:
        while (left := moment - self._clock()) > 0:
            try:
                async with asyncio.timeout(min(left, _RECHECK_SECONDS)):
                    await self._renewed.wait()
            except TimeoutError:
                continue
            return True
        return self._renewed.is_set()
