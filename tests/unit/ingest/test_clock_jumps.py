import os
import time
from pathlib import Path

from services.ingest.session_state.clock_jumps import ClockJumps
from services.ingest.session_state.expiry import SessionExpirer
from services.ingest.session_state.session_cache import SessionCache
from shared.domain.identifiers import SessionKey
from shared.storage.spool import Spool

DAY = 24 * 3600.0
KEY = SessionKey("default", "a")


class Clocks:
    """A wall clock that can be set, and one that only goes on."""

    def __init__(self) -> None:
        self.set_by = 0.0
        self.gone = 0.0

    def wall(self) -> float:
        return 1_000_000.0 + self.gone + self.set_by

    def monotonic(self) -> float:
        return 50.0 + self.gone

    def jumps(self) -> ClockJumps:
        return ClockJumps(wall=self.wall, monotonic=self.monotonic)


def test_time_that_goes_by_is_no_jump() -> None:
    clocks = Clocks()
    jumps = clocks.jumps()
    for _ in range(100):
        clocks.gone += 3600
        clocks.set_by += 1.0  # slewed
        assert not jumps.jumped_within(DAY)


def test_after_a_jump_in_either_direction_it_is_known_for_as_long_as_asked() -> None:
    for jump in (25 * 3600.0, -25 * 3600.0, 31.0):
        clocks = Clocks()
        jumps = clocks.jumps()
        clocks.set_by += jump
        assert jumps.jumped_within(DAY)
        clocks.gone += DAY - 1
        assert jumps.jumped_within(DAY)
        clocks.gone += 2
        assert not jumps.jumped_within(DAY)


def test_a_clock_that_is_set_back_soon_counts_from_the_second_jump() -> None:
    clocks = Clocks()
    jumps = clocks.jumps()
    clocks.set_by = 25 * 3600.0
    assert jumps.jumped_within(DAY)
    clocks.gone += DAY / 2
    clocks.set_by = 0.0
    assert jumps.jumped_within(DAY)
    clocks.gone += DAY - 1
    assert jumps.jumped_within(DAY)


def test_nothing_expires_because_the_clock_jumped(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.prepare()
    spool.create_directory(KEY)
    directory = spool.session(KEY)
    directory.chunk(0).write_bytes(b"acknowledged")
    old = time.time() - 2 * DAY
    os.utime(directory.path, (old, old))
    clocks = Clocks()
    expirer = SessionExpirer(spool, SessionCache(), DAY, clocks.jumps())
    clocks.set_by = 25 * 3600.0
    assert not expirer.expire(directory)
    clocks.gone += DAY + 1
    assert expirer.expire(directory)
