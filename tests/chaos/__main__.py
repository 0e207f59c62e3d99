"""`make chaos`: kills every process and injects faults many times; nothing acknowledged may be lost."""

import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.plan import parse_plan
from tests.chaos.report import report
from tests.chaos.run import run_chaos


def main() -> int:
    """Print the phases and a summary; returns 1 if a promise was broken, and keeps the run's folder then."""
    plan = parse_plan(sys.argv[1:])
    _show(f"seed {plan.seed}: repeat with --seed {plan.seed} and the same options")
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    started = time.monotonic()
    calls, result = asyncio.run(run_chaos(plan, folder, _show))
    _show("the end\n" + report(plan, calls, result, time.monotonic() - started))
    if result.violations:
        _show(f"logs, spool and objects are kept in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def _show(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
