"""What a child process may and may not do, asked of the child itself."""

import asyncio
import sys
from errno import EPERM, ESRCH
from pathlib import Path

from shared.process.child import EXIT_CANNOT_START, Command, Limits, start_child
from tests.waiting import until

PIPE = asyncio.subprocess.PIPE


async def said(command: Command, limits: Limits) -> str:
    child = await start_child(command, limits, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=PIPE)
    async with asyncio.timeout(20):
        output, _ = await child.communicate()
    return output.decode()


async def test_a_child_has_the_limits_it_was_given() -> None:
    limits = Limits(memory=2**30, cpu=9, file_size=0, open_files=32, processes=1000)
    output = await said(Command("/bin/sh", ["-c", "cat /proc/self/limits; grep NoNewPrivs /proc/self/status"]), limits)
    rows = {line[:26].strip(): line[26:].split()[:2] for line in output.splitlines()}
    assert rows["Max address space"] == ["1073741824", "1073741824"]
    assert rows["Max cpu time"] == ["9", "14"]
    assert rows["Max file size"] == ["0", "0"]
    assert rows["Max open files"] == ["32", "32"]
    assert rows["Max processes"] == ["1000", "1000"]
    assert "NoNewPrivs:\t1" in output


async def test_a_child_has_the_environment_it_was_given_and_no_other() -> None:
    output = await said(Command("/usr/bin/env", [], {"SECRET": "abc def"}), Limits())
    assert output.splitlines() == ["SECRET=abc def"]


async def test_what_is_in_the_environment_never_stands_among_the_arguments() -> None:
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


async def test_a_child_that_may_not_write_files_can_still_talk(tmp_path: Path) -> None:
    script = f"echo before; echo x > {tmp_path}/file && echo wrote; exit 0"
    output = await said(Command("/bin/sh", ["-c", script]), Limits(file_size=0))
    assert output == "before\n"
    assert (tmp_path / "file").stat().st_size == 0


_TRIES = """
import ctypes, os, socket
def tried(call):
    try:
        call()
    except OSError as exc:
        return exc.errno
    return 0
libc = ctypes.CDLL(None, use_errno=True)
def ptrace():
    if libc.ptrace(16, 0, 0, 0) < 0:  # attaching to nobody: there is no such process, if one may ask at all
        raise OSError(ctypes.get_errno(), "")
pid = os.fork()
if pid == 0:
    print(tried(socket.socket), tried(os.setsid), tried(ptrace), flush=True)
    os._exit(0)
os.waitpid(pid, 0)
"""


async def test_an_isolated_child_opens_no_socket_and_its_children_stay_in_its_group() -> None:
    command = Command(sys.executable, ["-IS", "-c", _TRIES])
    assert await said(command, Limits(isolated=True)) == f"{EPERM} {EPERM} {EPERM}\n"
    assert await said(command, Limits()) == f"0 0 {ESRCH}\n"


async def test_a_child_that_could_not_be_prepared_is_told_from_one_whose_program_failed() -> None:
    impossible = Limits(memory=2**70)  # no such number of bytes can be said to the kernel
    child = await start_child(
        Command("/bin/true"), impossible, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=PIPE
    )
    await child.communicate()
    assert child.returncode == EXIT_CANNOT_START
