"""Starts child processes that do not outlive this one, through a launcher that limits itself and then runs the program.

The launcher runs in an isolated interpreter without site packages (about 15 ms), because code between fork and
exec of a threaded process is unsafe. `PR_SET_PDEATHSIG` exists on Linux only; elsewhere only the code that started a
child ends it.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

EXIT_CANNOT_START = 126
"""The exit status of a child whose program is missing or may not be run."""

_LAUNCHER = Path(__file__).with_name("child_launcher.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Resource limits of a child process; None leaves a limit as it is.

    `memory` and `file_size` in bytes, `cpu` in seconds, `processes` counts all tasks of the same user. `isolated`: the
    child can't open sockets, inspect other processes, or leave its process group, so that killing the group ends all
    that it started (Linux on x86-64 and AArch64).
    """

    memory: int | None = None
    cpu: int | None = None
    file_size: int | None = None
    open_files: int | None = None
    processes: int | None = None
    new_privileges: bool = False
    isolated: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments and its complete environment (nothing is inherited)."""

    program: str
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


async def start_child(
    command: Command,
    limits: Limits,
    *,
    stdin: int,
    stdout: int | IO[bytes],
    stderr: int | IO[bytes],
    buffer: int = 2**16,
) -> asyncio.subprocess.Process:
    """Start `command` under `limits`, in a process session of its own, killed when this process dies.

    Call it on the main thread's loop: the kernel ties the child to the thread that forked it. `buffer` is the limit of
    the streams that read its pipes, in bytes.
    """
    # Only the names of environment variables stand in the order: arguments can be read by every user of the machine.
    order = {
        "parent": os.getpid(),
        "limits": asdict(limits),
        "argv": [command.program, *command.arguments],
        "environment": list(command.environment),
    }
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(_LAUNCHER), json.dumps(order)),
        env=dict(command.environment),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
        limit=buffer,
    )
