"""Forks Python programs with everything imported: a start costs a tenth of a second instead of two of computing.

One for all workers of a test run, started by the first that needs it (`tests.program`), gone with the last of them.
Each connection is one program: an order (JSON) with its stdin, stdout and stderr comes in; its process id goes out, and
its exit status, negative for a signal's. A connection that is closed before has its program killed.
"""

import asyncio
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypedDict

from pydantic import SecretStr

from shared.storage.s3_client import open_s3_client
from shared.storage.settings import StoreConfig
from tests.kernel import die_with_parent

LARGEST_ORDER = 128 * 1024  # bytes, in one packet

_IMPORTED = (
    "deploy.local.command",
    "deploy.local.composition",
    "deploy.local.demo.demonstration",
    "deploy.local.demo.own_server",
    "deploy.local.demo.recording",
    "services.analyzer.app",
    "services.analyzer.worker",
    "services.assembler.app",
    "services.assembler.rebuild_catalog",
    "services.ingest.app",
    "services.notifier.app",
    "shared.messaging.dead_letter_cli",
    "shared.runtime.server",
)


class Order(TypedDict):
    """`python -m <module> <arguments>` in a folder, with this whole environment."""

    module: str
    arguments: list[str]
    environment: dict[str, str]
    folder: str


class ForkServer:
    """Takes orders on a listening socket of packets until nobody is connected any more."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._children: dict[socket.socket, int | None] = {}
        self._selector = selectors.DefaultSelector()
        self._watch(listener, self._accept)

    def serve(self) -> Order | None:
        """Return None at the end, or, in a child, what it is to become."""
        while True:
            for key, _ in self._selector.select():
                handle: Callable[[], Order | None] = key.data
                if order := handle():
                    return order
            if not self._children:
                return None

    def _watch(self, source: socket.socket | int, handle: Callable[[], Order | None]) -> None:
        self._selector.register(source, selectors.EVENT_READ, handle)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        self._children[connection] = None
        self._watch(connection, partial(self._read, connection))

    def _read(self, connection: socket.socket) -> Order | None:
        """Fork; returns the order in the child and None in the server."""
        content, streams, _, _ = socket.recv_fds(connection, LARGEST_ORDER, 3)
        if not content:
            self._selector.unregister(connection)
            connection.close()
            if child := self._children.pop(connection):
                os.kill(child, signal.SIGKILL)
            return None
        child = os.fork()
        if child == 0:
            self._leave(streams)
            order: Order = json.loads(content)
            return order
        for stream in streams:
            os.close(stream)
        self._children[connection] = child
        watched = os.pidfd_open(child)
        self._watch(watched, partial(self._reap, watched, child, connection))
        self._send(connection, child)
        return None

    def _leave(self, streams: list[int]) -> None:
        """Keep nothing of the server's in a child but the three streams that it was given."""
        die_with_parent()
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
            else:
                os.close(key.fd)
        self._selector.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)

    def _reap(self, watched: int, child: int, connection: socket.socket) -> None:
        self._selector.unregister(watched)
        os.close(watched)
        _, status = os.waitpid(child, 0)
        if connection in self._children:
            self._children[connection] = None
            self._send(connection, os.waitstatus_to_exitcode(status))

    @staticmethod
    def _send(connection: socket.socket, number: int) -> None:
        with suppress(OSError):  # it hung up: there will be nothing more to read, either
            connection.send(str(number).encode())


async def _describe_s3() -> None:
    """Parse the description of S3, which is kept for each client that follows; nothing is sent."""
    async with open_s3_client(StoreConfig("http://127.0.0.1:1", "none", "none", SecretStr("none"), "none", "any")):
        pass


def main() -> None:
    """Serve on the socket whose number is the argument; in a child, become what was ordered."""
    if os.fork():  # no child of the tests' own process, where they count what they have started
        os._exit(0)
    listener = socket.socket(fileno=int(sys.argv[1]))
    for name in _IMPORTED:
        importlib.import_module(name)
    asyncio.run(_describe_s3())
    gc.collect()
    gc.freeze()  # children neither copy what is imported nor collect it at their end
    order = ForkServer(listener).serve()
    if order is not None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job, as CI may be, ignores it
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and a job under nohup this
        os.chdir(order["folder"])
        os.environ.clear()
        os.environ.update(order["environment"])
        sys.argv = [order["module"], *order["arguments"]]
        runpy.run_module(order["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
