"""Named spots at which a test ends the process or lets its disk fail, to show that nothing is lost there.

Armed by the environment alone, never by `.env`: `FAILPOINTS=ingest.named=kill,spool.fsync=eio@3`. Without it every
spot is one look into an empty table. `name=action@n` acts when the spot is passed for the nth time (the first, where
nothing is said), and never again in that process.
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
    """What happens at one spot, once."""

    def __init__(self, name: str, action: str, turn: int) -> None:
        self._name = name
        self._action = action
        self._turn = turn
        self._passed = count(1)

    def pass_through(self) -> None:
        """Count a passing, and act if it is the one; any thread may call."""
        if next(self._passed) == self._turn:
            log.critical("a failpoint acts", name=self._name, action=self._action)
            self._act()

    def _act(self) -> NoReturn:
        if self._action == _KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        number = _ERRORS.get(self._action, errno.EIO)  # nobody comes here after a kill
        raise OSError(number, os.strerror(number))


def parse_failpoints(armed: str) -> Mapping[str, Failpoint]:
    """Return the armed spots by name; raises ValueError for what can't be read."""
    found = {}
    for item in filter(None, armed.split(",")):
        name, _, rest = item.partition("=")
        action, _, turn = rest.partition("@")
        if action != _KILL and action not in _ERRORS:
            raise ValueError(f"{FAILPOINTS}: {item!r} is not name=action, with one of {_KILL}, {', '.join(_ERRORS)}")
        found[name] = Failpoint(name, action, int(turn or 1))
    return found


@cache
def _armed() -> Mapping[str, Failpoint]:
    return parse_failpoints(os.environ.get(FAILPOINTS, ""))


def failpoint(name: str) -> None:
    """Mark a spot; does nothing unless `name` is armed, and then may raise OSError or not return."""
    if (armed := _armed().get(name)) is not None:
        armed.pass_through()
