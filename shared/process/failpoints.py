"""Failpoints: named points in the code where a test kills the process or makes its disk fail, to show data is safe.

Armed by the environment alone, never by `.env`: `FAILPOINTS=ingest.named=kill,spool.fsync=eio@3`. Without it every
failpoint is one lookup in an empty table. `name=action@n` acts when the failpoint is passed for the nth time (the
first, if no n is given), and never again in that process.
"""

import errno
import os
import signal
from collections.abc import Mapping
from functools import cache
from itertools import count
from typing import NoReturn

import structlog

log = structlog.stdlib.get_logger(__name__)

FAILPOINTS = "FAILPOINTS"
_ERRORS = {"eio": errno.EIO, "enospc": errno.ENOSPC}
_KILL = "kill"


class Failpoint:
    """An armed failpoint, which acts once: when it is passed for the `nth` time."""

    def __init__(self, name: str, action: str, nth: int) -> None:
        self._name = name
        self._action = action
        self._nth = nth
        self._passes = count(1)

    def pass_through(self) -> None:
        """Count a pass, and act if it is the nth; any thread may call."""
        if next(self._passes) == self._nth:
            log.critical("a failpoint acts", name=self._name, action=self._action)
            self._act()

    def _act(self) -> NoReturn:
        if self._action == _KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        number = _ERRORS.get(self._action, errno.EIO)  # not reached after a kill
        raise OSError(number, os.strerror(number))


def parse_failpoints(armed: str) -> Mapping[str, Failpoint]:
    """Return the armed failpoints by name; raises ValueError if the text can't be parsed."""
    failpoints = {}
    for item in filter(None, armed.split(",")):
        name, _, rest = item.partition("=")
        action, _, nth = rest.partition("@")
        if action != _KILL and action not in _ERRORS:
            raise ValueError(f"{FAILPOINTS}: {item!r} is not name=action, with one of {_KILL}, {', '.join(_ERRORS)}")
        failpoints[name] = Failpoint(name, action, int(nth or 1))
    return failpoints


@cache
def _armed() -> Mapping[str, Failpoint]:
    return parse_failpoints(os.environ.get(FAILPOINTS, ""))


def failpoint(name: str) -> None:
    """Mark a failpoint; does nothing unless `name` is armed, and then may raise OSError or not return."""
    if (armed := _armed().get(name)) is not None:
        armed.pass_through()
