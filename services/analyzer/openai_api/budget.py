"""The day's budget for the model service: how many seconds of audio and tokens may be sent from midnight to midnight.

Days are UTC's. What was spent is counted in a JetStream key-value bucket that all replicas share, and that is kept for
two days. While the bus is away each process counts for itself, and adds what it counted when the bus is back.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import structlog

from services.analyzer.openai_api.errors import BudgetReached
from shared.domain.clock import now
from shared.domain.errors import Unavailable

log = structlog.stdlib.get_logger(__name__)

_LEDGER_SECONDS = 2.0  # how long a call waits for the shared count before it goes by its process's own


@dataclass(frozen=True, slots=True)
class Spending:
    """Seconds of audio and tokens; negative ones are given back."""

    seconds: float = 0.0
    tokens: int = 0

    def __add__(self, other: "Spending") -> "Spending":
        return Spending(self.seconds + other.seconds, self.tokens + other.tokens)

    def __sub__(self, other: "Spending") -> "Spending":
        return Spending(self.seconds - other.seconds, self.tokens - other.tokens)


NOTHING = Spending()


@dataclass(frozen=True, slots=True)
class BudgetLimits:
    """The most seconds of audio and tokens a day; 0 is no limit."""

    seconds: int = 0
    tokens: int = 0

    def allow(self, spent: Spending, more: Spending) -> bool:
        """Whether `more` may be spent after `spent`; of what is not limited, and of nothing, always."""
        return all(
            not limit or not wanted or before + wanted <= limit
            for limit, before, wanted in (
                (self.seconds, spent.seconds, more.seconds),
                (self.tokens, spent.tokens, more.tokens),
            )
        )


class Ledger(Protocol):
    """What all replicas together spent on a day."""

    async def add(self, day: str, amount: Spending) -> Spending:
        """Add to what was spent on `day` (`2026-11-26`) and return the sum; raises Unavailable."""


@dataclass(slots=True)
class Purchase:
    """A call to the model service; `used` is its estimate until it is known what the call really used."""

    used: Spending


class DailyBudget:
    """Reserves a call's estimate before the call, and counts what it really used after it.

    A call that is cancelled counts as estimated, since the service goes on working.
    """

    def __init__(self, limits: BudgetLimits, ledger: Ledger) -> None:
        self._limits = limits
        self._ledger = ledger
        self._lock = asyncio.Lock()
        self._day = ""
        self._spent = NOTHING  # by all replicas, as far as this process knows
        self._unsaved = NOTHING  # what the ledger does not have yet

    @asynccontextmanager
    async def purchase(self, estimate: Spending) -> AsyncIterator[Purchase]:
        """Reserve `estimate` before the block; raises BudgetReached if the day has no room for it."""
        purchase = Purchase(estimate)
        if self._limits == BudgetLimits():
            yield purchase
            return
        spent = await self._add(estimate)
        if not self._limits.allow(spent - estimate, estimate):
            await self._add(NOTHING - estimate)
            log.warning("the day's budget for the model service is used up", day=self._day)
            raise BudgetReached
        try:
            yield purchase
        finally:
            if purchase.used != estimate:
                await self._add(purchase.used - estimate)

    async def _add(self, amount: Spending) -> Spending:
        """Count `amount` and return what is spent today, by the ledger if it answers, otherwise as known here."""
        async with self._lock:
            today = f"{now():%Y-%m-%d}"
            if today != self._day:
                self._day, self._spent, self._unsaved = today, NOTHING, NOTHING
            self._unsaved += amount
            self._spent += amount
            try:
                async with asyncio.timeout(_LEDGER_SECONDS):
                    self._spent = await self._ledger.add(today, self._unsaved)
                self._unsaved = NOTHING
            except (Unavailable, TimeoutError):
                log.warning("what was spent is counted by this process alone: the bus is away")
            return self._spent
