import pytest

from services.analyzer.openai_api.budget import NOTHING, BudgetLimits, DailyBudget, Spending
from services.analyzer.openai_api.errors import BudgetReached
from tests.unit.analyzer.memory_ledger import MemoryLedger


def budget(ledger: MemoryLedger, **limits: int) -> DailyBudget:
    return DailyBudget(BudgetLimits(**limits), ledger)


async def spend(purse: DailyBudget, estimate: Spending, used: Spending | None = None) -> None:
    async with purse.purchase(estimate) as purchase:
        purchase.used = estimate if used is None else used


async def test_calls_are_made_until_the_days_seconds_are_used_up() -> None:
    purse = budget(MemoryLedger(), seconds=100)
    await spend(purse, Spending(seconds=60))
    await spend(purse, Spending(seconds=40))
    with pytest.raises(BudgetReached):
        await spend(purse, Spending(seconds=1))


async def test_what_is_refused_does_not_count() -> None:
    ledger = MemoryLedger()
    purse = budget(ledger, tokens=100)
    await spend(purse, Spending(tokens=90))
    with pytest.raises(BudgetReached):
        await spend(purse, Spending(tokens=50))
    await spend(purse, Spending(tokens=10))
    assert ledger.spent == Spending(tokens=100)


async def test_what_was_really_used_replaces_the_estimate() -> None:
    ledger = MemoryLedger()
    purse = budget(ledger, tokens=1000)
    await spend(purse, Spending(tokens=900), used=Spending(tokens=40))
    assert ledger.spent == Spending(tokens=40)


async def test_a_call_that_breaks_off_counts_as_estimated() -> None:
    ledger = MemoryLedger()
    purse = budget(ledger, tokens=1000)
    with pytest.raises(RuntimeError):
        async with purse.purchase(Spending(tokens=300)):
            raise RuntimeError
    assert ledger.spent == Spending(tokens=300)


async def test_replicas_share_one_budget() -> None:
    ledger = MemoryLedger()
    one, other = budget(ledger, seconds=100), budget(ledger, seconds=100)
    await spend(one, Spending(seconds=70))
    with pytest.raises(BudgetReached):
        await spend(other, Spending(seconds=70))
    await spend(other, Spending(seconds=30))


async def test_while_the_ledger_is_away_a_process_counts_for_itself() -> None:
    ledger = MemoryLedger()
    purse = budget(ledger, seconds=100)
    await spend(purse, Spending(seconds=40))
    ledger.away = True
    await spend(purse, Spending(seconds=50))
    with pytest.raises(BudgetReached):
        await spend(purse, Spending(seconds=20))


async def test_what_was_counted_meanwhile_reaches_the_ledger_when_it_is_back() -> None:
    ledger = MemoryLedger()
    purse = budget(ledger, seconds=100)
    ledger.away = True
    await spend(purse, Spending(seconds=50))
    ledger.away = False
    await spend(purse, Spending(seconds=10))
    assert ledger.spent == Spending(seconds=60)


async def test_without_limits_nothing_is_counted() -> None:
    ledger = MemoryLedger()
    await spend(budget(ledger), Spending(seconds=1e9, tokens=10**9))
    assert ledger.days == {}


@pytest.mark.parametrize(
    ("limits", "spent", "more", "allowed"),
    [
        (BudgetLimits(), Spending(1e9, 10**9), Spending(1, 1), True),
        (BudgetLimits(seconds=10), Spending(seconds=9), Spending(seconds=1), True),
        (BudgetLimits(seconds=10), Spending(seconds=10), Spending(seconds=1), False),
        (BudgetLimits(seconds=10), Spending(seconds=10), Spending(tokens=5), True),
        (BudgetLimits(tokens=10), Spending(tokens=6), Spending(tokens=5), False),
        (BudgetLimits(seconds=10, tokens=10), Spending(20, 20), NOTHING, True),
    ],
)
def test_each_limit_is_of_its_own_kind(limits: BudgetLimits, spent: Spending, more: Spending, *, allowed: bool) -> None:
    assert limits.allow(spent, more) is allowed
