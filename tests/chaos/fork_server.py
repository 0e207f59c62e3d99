"""Forks a service many times with everything imported: hundreds of starts take seconds instead of minutes.

`python -m tests.chaos.fork_server <service>` writes `ready`, then reads environments (JSON, one a line). For each it
forks a child that becomes `python -m services.<service>` with that environment, writes the child's id, and when the
child has ended its exit status, negative for a signal.
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
from tests.kernel import die_with_parent


def main() -> None:
    """Fork children until stdin ends; in a child, run the service and return."""
    die_with_parent()
    service = sys.argv[1]
    importlib.import_module(f"services.{service}.app")
    asyncio.run(_prepare())
    _write_line("ready")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _run_service(service, json.loads(line))
            return
        _write_line(str(child))
        _, status = os.waitpid(child, 0)
        _write_line(str(os.waitstatus_to_exitcode(status)))


async def _prepare() -> None:
    """Load the client's description of S3, the most expensive part of a start; nothing is sent."""
    async with open_s3_client(StoreConfig("http://127.0.0.1:1", "none", "none", SecretStr("none"), "none", "any")):
        pass


def _run_service(service: str, environment: dict[str, str]) -> None:
    die_with_parent()
    os.environ.clear()
    os.environ.update(environment)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    sys.argv = [service]
    runpy.run_module(f"services.{service}", run_name="__main__", alter_sys=True)


def _write_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
