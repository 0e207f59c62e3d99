"""Forks a service again and again with everything imported: hundreds of starts cost seconds instead of minutes.

`python -m tests.chaos.fork_server <service>` says `ready`, then takes a whole environment (JSON, one a line) and
becomes `python -m services.<service>` with it in a child, whose id it says, and whose end, negative for a signal's.
"""

import asyncio
import importlib
import json
import os
import runpy
import sys

from pydantic import SecretStr

from shared.storage.s3_client import open_s3_client
from shared.storage.settings import StoreConfig
from tests.chaos.kernel import die_with_parent


def main() -> None:
    """Serve until the orders end; in a child, run the service and return."""
    die_with_parent()
    service = sys.argv[1]
    importlib.import_module(f"services.{service}.app")
    asyncio.run(_prepare())
    _say("ready")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _run_service(service, json.loads(line))
            return
        _say(str(child))
        _, status = os.waitpid(child, 0)
        _say(str(os.waitstatus_to_exitcode(status)))


async def _prepare() -> None:
    """Parse the description of S3, which costs more than all else at a start; nothing is sent."""
    async with open_s3_client(StoreConfig("http://127.0.0.1:1", "none", "none", SecretStr("none"), "none", "any")):
        pass


def _run_service(service: str, environment: dict[str, str]) -> None:
    die_with_parent()
    os.environ.clear()
    os.environ.update(environment)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    sys.argv = [service]
    runpy.run_module(f"services.{service}", run_name="__main__", alter_sys=True)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
