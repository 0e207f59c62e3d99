"""The launcher of child processes: limits itself, then executes the program; run as a script, never imported.

`shared.process.child` runs it. Imports stay few and cheap, since it starts for every decode.
"""

import json
import os
import resource
import signal
import struct
import sys

CANNOT_START = 126  # as in shells; the same as `EXIT_CANNOT_START` of `shared.process.child`
_CPU_LAST_SECONDS = 5  # between SIGXCPU, which tells a spinning program from a killed one, and SIGKILL
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_ALLOW, _DENY = 0x7FFF0000, 0x00050000 | 1  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO with EPERM
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # classic BPF, as in seccomp(2)
_X32_SYSCALLS = 0x40000000  # from here on x86-64 numbers its calls a second time
_DENIED_SYSCALLS = {  # socket, setpgid, setsid, ptrace, process_vm_readv, process_vm_writev, io_uring_setup
    "x86_64": (0xC000003E, (41, 109, 112, 101, 310, 311, 425)),
    "aarch64": (0xC00000B7, (198, 154, 157, 117, 270, 271, 425)),
}
_RESOURCES = {
    "memory": resource.RLIMIT_AS,
    "cpu": resource.RLIMIT_CPU,
    "file_size": resource.RLIMIT_FSIZE,
    "open_files": resource.RLIMIT_NOFILE,
    "processes": getattr(resource, "RLIMIT_NPROC", None),
}


def main() -> None:
    """Apply the limits in the first argument (JSON), then execute its program."""
    order = json.loads(sys.argv[1])
    limits = order["limits"]
    isolated = limits.pop("isolated")
    if sys.platform == "linux":
        _die_with_parent(order["parent"], new_privileges=limits.pop("new_privileges"))
    for name, limit in limits.items():
        which = _RESOURCES.get(name)
        if limit is not None and which is not None:
            _, hard = resource.getrlimit(which)
            new_soft = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            is_cpu = name == "cpu" and hard == resource.RLIM_INFINITY
            resource.setrlimit(which, (new_soft, new_soft + _CPU_LAST_SECONDS if is_cpu else new_soft))
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
    if os.getppid() != parent:  # the parent died before the line above took effect
        sys.exit(1)
    if not new_privileges:
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _install_seccomp_filter() -> None:
    """Deny some system calls with EPERM from here on; on a kernel without filters the other limits must do."""
    import ctypes  # noqa: PLC0415  # as above

    known = _DENIED_SYSCALLS.get(os.uname().machine)
    if known is None:
        return
    machine, calls = known
    instructions = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, machine), (_RETURN, 0, 0, _DENY), (_LOAD, 0, 0, 0)]
    instructions.append((_AT_LEAST, len(calls) + 1, 0, _X32_SYSCALLS))
    instructions += [(_EQUAL, len(calls) - index, 0, call) for index, call in enumerate(calls)]
    instructions += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _DENY)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in instructions))
    filters = ctypes.create_string_buffer(struct.pack("HP", len(instructions), ctypes.addressof(program)))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, filters, 0, 0)


if __name__ == "__main__":
    try:
        main()
    except Exception as exc:  # noqa: BLE001  # a failure of the launcher must not look like one of the program
        sys.stderr.write(f"{type(exc).__name__}: {exc}\n")
        sys.exit(CANNOT_START)
