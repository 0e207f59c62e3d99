"""The limits and the isolation of a child process, as the child itself sees them."""

import asyncio
import sys
from errno import EPERM, ESRCH
from pathlib import Path

from shared.process.child import EXIT_CANNOT_START, Command, Limits, start_child
from tests.waiting import until

PIPE = asyncio.subprocess.PIPE


async def output_of(command: Command, limits: Limits) -> str:
    child = await start_child(command, limits, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=PIPE)
    async with asyncio.timeout(20):
        output, _ = await child.communicate()
    return output.decode()


async def test_a_child_has_the_limits_it_was_given() -> None:
    limits = Limits(memory=2**30, cpu=9, file_size=0, open_files=32, processes=1000)
    output = await output_of(
        Command("/bin/sh", ["-c", "cat /proc/self/limits; grep NoNewPrivs /proc/self/status"]), limits
    )
    rows = {line[:26].strip(): line[26:].split()[:2] for line in output.splitlines()}
    assert rows["Max address space"] == ["1073741824", "1073741824"]
    assert rows["Max cpu time"] == ["9", "14"]
    assert rows["Max file size"] == ["0", "0"]
    assert rows["Max open files"] == ["32", "32"]
    assert rows["Max processes"] == ["1000", "1000"]
    assert "NoNewPrivs:\t1" in output


async def test_a_child_has_the_environment_it_was_given_and_no_other() -> None:
    output = await output_of(Command("/usr/bin/env", [], {"SECRET": "abc def"}), Limits())
    assert output.splitlines() == ["SECRET=abc def"]


async def test_the_environment_of_a_child_is_never_among_its_arguments() -> None:
    child = await start_child(
        Command("/bin/cat", [], {"SECRET": "hidden-value"}), Limits(), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    seen: set[bytes] = set()

    def became_the_program() -> bool:
        seen.add(Path(f"/proc/{child.pid}/cmdline").read_bytes())
        return b"/bin/cat\0" in seen

    await until(became_the_program)
    assert not any(b"hidden-value" in arguments for arguments in seen)
    await child.communicate(b"")


async def test_a_child_that_may_not_write_files_can_still_write_to_its_pipes(tmp_path: Path) -> None:
    script = f"echo before; echo x > {tmp_path}/file && echo wrote; exit 0"
    output = await output_of(Command("/bin/sh", ["-c", script]), Limits(file_size=0))
    assert output == "before\n"
    assert (tmp_path / "file").stat().st_size == 0


_FORBIDDEN_CALLS = """
import ctypes, os, socket
def errno_of(call):
    try:
        call()
    except OSError as exc:
        return exc.errno
    return 0
libc = ctypes.CDLL(None, use_errno=True)
def ptrace():
    if libc.ptrace(16, 0, 0, 0) < 0:  # attaching to process 0: no such process, where the call is allowed
        raise OSError(ctypes.get_errno(), "")
pid = os.fork()
if pid == 0:
    print(errno_of(socket.socket), errno_of(os.setsid), errno_of(ptrace), flush=True)
    os._exit(0)
os.waitpid(pid, 0)
"""


async def test_an_isolated_child_opens_no_socket_and_its_children_stay_in_its_group() -> None:
    command = Command(sys.executable, ["-IS", "-c", _FORBIDDEN_CALLS])
    assert await output_of(command, Limits(isolated=True)) == f"{EPERM} {EPERM} {EPERM}\n"
    assert await output_of(command, Limits()) == f"0 0 {ESRCH}\n"


async def test_a_child_whose_launcher_failed_is_told_apart_from_one_whose_program_failed() -> None:
    impossible = Limits(memory=2**70)  # more bytes than the kernel's number can hold
    child = await start_child(
        Command("/bin/true"), impossible, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=PIPE
    )
    await child.communicate()
    assert child.returncode == EXIT_CANNOT_START
