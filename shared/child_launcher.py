"""Becomes another program after limiting itself; run as a script by `shared.child`, never imported.

Imports stay few and cheap: this starts for every decode.
"""

import json
import os
import resource
import signal
import sys

CANNOT_START = 126  # as shells say it; `shared.child` says what it means
_CPU_LAST_SECONDS = 5  # between SIGXCPU, which tells a spinning program from a killed one, and SIGKILL
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_NAMES = {
    "memory": resource.RLIMIT_AS,
    "cpu": resource.RLIMIT_CPU,
    "file_size": resource.RLIMIT_FSIZE,
    "open_files": resource.RLIMIT_NOFILE,
    "processes": getattr(resource, "RLIMIT_NPROC", None),
}


def main() -> None:
    """Apply the order in the first argument and become its program."""
    order = json.loads(sys.argv[1])
    limits = order["limits"]
    if sys.platform == "linux":
        _die_with(order["parent"], new_privileges=limits.pop("new_privileges"))
    for name, wanted in limits.items():
        which = _NAMES.get(name)
        if wanted is not None and which is not None:
            _, hard = resource.getrlimit(which)
            value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            last = value + _CPU_LAST_SECONDS if name == "cpu" and hard == resource.RLIM_INFINITY else value
            resource.setrlimit(which, (value, last))
    program = order["argv"][0]
    environment = {name: os.environ[name] for name in order["environment"]}
    try:
        os.execve(program, order["argv"], environment)  # noqa: S606
    except OSError:
        sys.exit(CANNOT_START)


def _die_with(parent: int, *, new_privileges: bool) -> None:
    import ctypes  # noqa: PLC0415  # half of this script's start-up time

    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above took effect
        sys.exit(1)
    if not new_privileges:
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


if __name__ == "__main__":
    main()
