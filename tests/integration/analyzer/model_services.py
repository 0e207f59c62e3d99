from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.analyzer.openai_api.budget import BudgetLimits, DailyBudget, Ledger
from services.analyzer.openai_api.client import open_client
from services.analyzer.openai_api.service import ModelService
from tests.integration.analyzer.fake_openai import KEY
from tests.unit.analyzer.memory_ledger import MemoryLedger


@asynccontextmanager
async def open_service(
    base_url: str, *, retries: int = 2, limits: BudgetLimits | None = None, ledger: Ledger | None = None
) -> AsyncIterator[ModelService]:
    """Open a model service whose budget is unlimited, or counted in memory."""
    async with open_client(KEY, base_url, retries=retries) as client:
        yield ModelService(client, DailyBudget(limits or BudgetLimits(), ledger or MemoryLedger()))
