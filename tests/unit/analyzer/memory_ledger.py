from services.analyzer.openai_api.budget import NOTHING, Spending
from shared.domain.errors import Unavailable


class MemoryLedger:
    """A ledger in memory; it can be away."""

    def __init__(self) -> None:
        self.days: dict[str, Spending] = {}
        self.away = False

    @property
    def spent(self) -> Spending:
        """What was spent on the only day."""
        (spent,) = self.days.values()
        return spent

    async def add(self, day: str, amount: Spending) -> Spending:
        if self.away:
            raise Unavailable("The ledger is away.")
        self.days[day] = self.days.get(day, NOTHING) + amount
        return self.days[day]
