"""Becomes another program after limiting itself; run as a script by `shared.child`, never imported.

Imports stay few and cheap: this starts for every decode.
"""

import json
import os
import resource
import signal
import struct
import sys

CANNOT_START = 126  # as shells say it; `shared.child` says what it means
_CPU_LAST_SECONDS = 5  # between SIGXCPU, which tells a spinning program from a killed one, and SIGKILL
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_FILTER = 2
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO with EPERM
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # classic BPF, as seccomp(2) takes it
_OTHER_NUMBERS = 0x40000000  # where x86-64 counts its calls a second time
_DENIED_SYSCALLS = {  # socket, setpgid, setsid, ptrace, process_vm_readv, process_vm_writev, io_uring_setup
    "x86_64": (0xC000003E, (41, 109, 112, 101, 310, 311, 425)),
    "aarch64": (0xC00000B7, (198, 154, 157, 117, 270, 271, 425)),
}
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
    isolated = limits.pop("isolated")
    if sys.platform == "linux":
        _die_with_parent(order["parent"], new_privileges=limits.pop("new_privileges"))
    for name, wanted in limits.items():
        which = _NAMES.get(name)
        if wanted is not None and which is not None:
            _, hard = resource.getrlimit(which)
            value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            last = value + _CPU_LAST_SECONDS if name == "cpu" and hard == resource.RLIM_INFINITY else value
            resource.setrlimit(which, (value, last))
    if isolated and sys.platform == "linux":
        _install_seccomp_filter()
    program = order["argv"][0]
    environment = {name: os.environ[name] for name in order["environment"]}
    try:
        os.execve(program, order["argv"], environment)  # noqa: S606
    except OSError:
        sys.exit(CANNOT_START)


def _die_with_parent(parent: int, *, new_privileges: bool) -> None:
    import ctypes  # noqa: PLC0415  # half of this script's start-up time

    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above took effect
        sys.exit(1)
    if not new_privileges:
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _install_seccomp_filter() -> None:
    """Have the kernel refuse some calls from here on; where it knows no filters, the other limits must do."""
    import ctypes  # noqa: PLC0415  # as above

    known = _DENIED_SYSCALLS.get(os.uname().machine)
    if known is None:
        return
    machine, calls = known
    steps = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, machine), (_RETURN, 0, 0, _REFUSE), (_LOAD, 0, 0, 0)]
    steps.append((_AT_LEAST, len(calls) + 1, 0, _OTHER_NUMBERS))
    steps += [(_EQUAL, len(calls) - place, 0, call) for place, call in enumerate(calls)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    filters = ctypes.create_string_buffer(struct.pack("HP", len(steps), ctypes.addressof(program)))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_SECCOMP, _FILTER, filters, 0, 0)


if __name__ == "__main__":
    try:
        main()
    except Exception as exc:  # noqa: BLE001  # what is wrong with us must not look like the program's own failure
        sys.stderr.write(f"{type(exc).__name__}: {exc}\n")
        sys.exit(CANNOT_START)
