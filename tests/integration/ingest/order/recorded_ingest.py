"""`python -m tests.integration.ingest.order.recorded_ingest <file>`: ingest that records its system calls.

The functions of `os` that sync, link, rename or make directories are wrapped before ingest is imported, and so is each
connection's transport; begin and end of a call are numbered over all threads.
"""

import json
import os
import runpy
import sys
from asyncio import Transport
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.integration.ingest.order.system_calls import Kind, SystemCall

_write = os.write


class Record:
    """File with one recorded call a line, as JSON."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._clock = count()

    def around(self, kind: Kind, call: Callable[[], Any], **about: Any) -> Any:
        """Make a call, and record it if it succeeds."""
        begin = next(self._clock)
        result = call()
        made = SystemCall(kind, begin, next(self._clock), **about)
        _write(self._fd, json.dumps(asdict(made)).encode() + b"\n")
        return result


class RecordedTransport(Transport):
    """Transport whose writes are recorded."""

    def __init__(self, transport: Transport, record: Record) -> None:
        super().__init__()
        self._transport = transport
        self._record = record

    def write(self, data: Any) -> None:
        text = bytes(data).decode(errors="replace")
        self._record.around("send", partial(self._transport.write, data), text=text, fd=id(self._transport))

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def __getattribute__(self, name: str) -> Any:
        if name in {"write", "writelines", "_transport", "_record"}:
            return super().__getattribute__(name)
        return getattr(super().__getattribute__("_transport"), name)


def _wrap(record: Record) -> None:
    def sync(call: Callable[[int], None], fd: int) -> None:
        record.around("sync", partial(call, fd), path=_descriptor(fd), fd=fd)

    def name(call: Callable[..., None], source: Any, path: Any, **more: Any) -> None:
        about = {"source": _absolute(source, more.get("src_dir_fd")), "path": _absolute(path, more.get("dst_dir_fd"))}
        record.around("name", partial(call, source, path, **more), **about)

    def directory(call: Callable[..., None], path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        record.around("directory", partial(call, path, mode, dir_fd=dir_fd), path=_absolute(path, dir_fd))

    for wrapper, names in ((sync, ("fsync", "fdatasync")), (name, ("link", "rename", "replace"))):
        for each in names:
            setattr(os, each, partial(wrapper, getattr(os, each)))
    os.mkdir = partial(directory, os.mkdir)
    connected = HttpToolsProtocol.connection_made

    def connection_made(self: HttpToolsProtocol, transport: Any) -> None:
        connected(self, RecordedTransport(transport, record))

    HttpToolsProtocol.connection_made = connection_made  # type: ignore[method-assign]


def _descriptor(fd: int) -> str:
    return str(Path(f"/proc/self/fd/{fd}").readlink()).removesuffix(" (deleted)")


def _absolute(path: Any, folder: int | None) -> str:
    text = os.fsdecode(path)
    if text.startswith("/proc/self/fd/"):
        return _descriptor(int(text.removeprefix("/proc/self/fd/")))
    return text if folder is None or text.startswith("/") else f"{_descriptor(folder)}/{text}"


if __name__ == "__main__":
    _wrap(Record(Path(sys.argv[1])))
    sys.argv = sys.argv[:1]
    runpy.run_module("services.ingest", run_name="__main__", alter_sys=True)
