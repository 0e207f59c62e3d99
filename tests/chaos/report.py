"""A run's summary, as it is printed."""

from collections.abc import Sequence

from tests.chaos.plan import Plan
from tests.chaos.result import RunResult, listed
from tests.chaos.scripted_session import ScriptedSession

_MOST_NAMED = 20


def report(plan: Plan, calls: Sequence[ScriptedSession], tally: RunResult, seconds: float) -> str:
    """Return the summary's lines."""
    promises = sum(call.promises for call in calls)
    chunks = sum(len(call.acknowledged) for call in calls)
    named = tally.violations[:_MOST_NAMED]
    more = len(tally.violations) - len(named)
    return "\n".join(
        [
            f"kills:      {listed(tally.kills)}",
            f"faults:     {listed(tally.faults)}",
            f"answers:    {listed(tally.answers)}",
            f"calls:      {len(calls)}",
            f"chunks:     {chunks} acknowledged ({promises} times), lost {tally.lost}",
            f"results:    duplicates {tally.duplicates}",
            f"violations: {len(tally.violations)}",
            *(f"  {what}" for what in named),
            *([f"  and {more} more"] if more else []),
            f"seed {plan.seed}, {seconds:.0f} s",
        ]
    )
