"""Records system calls with `strace -f -y`, and parses its output."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.integration.ingest.order.system_calls import SystemCall

_TRACED = "fsync,fdatasync,link,linkat,rename,renameat,renameat2,mkdir,mkdirat,write,writev,sendto,sendmsg"
_LINE = re.compile(r"(\d+) +(?:<\.\.\. (\w+) resumed>(.*)|(\w+)\((.*))$")
_UNFINISHED = " <unfinished ...>"
_DONE = re.compile(r"\) += (-?\d+)")
_DESCRIPTOR = re.compile(r"(\d+)<((?:[^<>\\]|\\.|->)*)>")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ANCHORED = re.compile(r'(?:AT_FDCWD|\d+)(?:<((?:[^<>\\]|->)*)>(?:\(deleted\))?)?, "((?:[^"\\]|\\.)*)"')
_OWN_DESCRIPTOR = re.compile(r"/proc/self/fd/\d+$")


def can_strace() -> bool:
    """Whether strace is installed and may trace."""
    program = shutil.which("strace")
    return program is not None and subprocess.run([program, "-o", "/dev/null", "true"], check=False).returncode == 0


def strace_command(record: Path) -> list[str]:
    """Return the command prefix that records the calls of a command."""
    return ["strace", "-f", "-y", "-s", "2000", "-qq", "-e", f"trace={_TRACED}", "-o", str(record)]


def read_strace(record: Path) -> list[SystemCall]:
    """Read the calls that succeeded; a call that is split over two lines begins at the first one."""
    begun: dict[str, tuple[int, str, str]] = {}
    calls: list[SystemCall] = []
    for number, line in enumerate(record.read_text(errors="replace").splitlines()):
        if (found := _LINE.match(line)) is None:
            continue
        thread, resumed, rest, name, arguments = found.groups()
        begin = number
        if resumed is not None:
            begin, name, before = begun.pop(thread)
            arguments = before + rest
        elif arguments.endswith(_UNFINISHED):
            begun[thread] = (number, name, arguments.removesuffix(_UNFINISHED))
            continue
        done = _DONE.search(arguments)
        if done is not None and int(done[1]) >= 0:
            calls.extend(_call(name, arguments, begin, number))
    return sorted(calls, key=lambda call: call.begin)


def _call(name: str, arguments: str, begin: int, end: int) -> Iterator[SystemCall]:
    first = _DESCRIPTOR.match(arguments)
    match name:
        case "fsync" | "fdatasync" if first:
            yield SystemCall("sync", begin, end, path=first[2], fd=int(first[1]))
        case "link" | "rename":
            source, path = _STRING.findall(arguments)
            yield SystemCall("name", begin, end, path=path, source=source)
        case "linkat" | "renameat" | "renameat2":
            source, path = (_anchored(*ends) for ends in _ANCHORED.findall(arguments))
            yield SystemCall("name", begin, end, path=path, source=source)
        case "mkdir":
            yield SystemCall("directory", begin, end, path=_STRING.findall(arguments)[0])
        case "mkdirat":
            yield SystemCall("directory", begin, end, path=_anchored(*_ANCHORED.findall(arguments)[0]))
        case _ if first:
            text = "".join(_STRING.findall(arguments)).replace('\\"', '"')
            yield SystemCall("send", begin, end, text=text, fd=int(first[1]))


def _anchored(folder: str, path: str) -> str:
    """Return an absolute path; an anonymous file gets the path of its descriptor."""
    if _OWN_DESCRIPTOR.match(path):
        return folder
    return path if path.startswith("/") else f"{folder}/{path}"
