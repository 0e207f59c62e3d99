"""Child processes that never outlive us: a launcher that limits itself, then becomes the program.

The launcher runs in an isolated interpreter without site packages (about 15 ms), because code between fork and
exec of a threaded process is unsafe. `PR_SET_PDEATHSIG` is Linux's; elsewhere children are ended by their owner alone.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

_LAUNCHER = Path(__file__).with_name("child_launcher.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a child may use; None leaves a limit as it is.

    `memory` and `file_size` in bytes, `cpu` in seconds, `processes` counts all tasks of the same user.
    """

    memory: int | None = None
    cpu: int | None = None
    file_size: int | None = None
    open_files: int | None = None
    processes: int | None = None
    new_privileges: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments and its whole environment (nothing is inherited)."""

    program: str
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def launch_arguments(command: Command, limits: Limits) -> list[str]:
    """Return the argument list that starts `command` under `limits`, to die when the calling process does.

    Start it from the main thread: the kernel ties the child to the thread that forked it.
    """
    order = {
        "parent": os.getpid(),
        "limits": asdict(limits),
        "argv": [command.program, *command.arguments],
        "environment": dict(command.environment),
    }
    return [sys.executable, "-I", "-S", str(_LAUNCHER), json.dumps(order)]
