"""The printed summary of a run."""

from collections.abc import Sequence

from tests.chaos.plan import Plan
from tests.chaos.result import RunResult, listed
from tests.chaos.scripted_session import ScriptedSession

_MAX_LISTED = 20


def report(plan: Plan, calls: Sequence[ScriptedSession], result: RunResult, seconds: float) -> str:
    """Return the summary's lines."""
    promises = sum(call.promises for call in calls)
    chunks = sum(len(call.acknowledged) for call in calls)
    named = result.violations[:_MAX_LISTED]
    more = len(result.violations) - len(named)
    return "\n".join(
        [
            f"kills:      {listed(result.kills)}",
            f"faults:     {listed(result.faults)}",
            f"responses:  {listed(result.responses)}",
            f"calls:      {len(calls)}",
            f"chunks:     {chunks} acknowledged ({promises} times), lost {result.lost}",
            f"results:    duplicates {result.duplicates}",
            f"violations: {len(result.violations)}",
            *(f"  {what}" for what in named),
            *([f"  and {more} more"] if more else []),
            f"seed {plan.seed}, {seconds:.0f} s",
        ]
    )
