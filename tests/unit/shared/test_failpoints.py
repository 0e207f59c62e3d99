"""Failpoints do nothing unless armed, and act once."""

import errno
import os
import subprocess
import sys

import pytest

from shared.process.failpoints import failpoint, parse_failpoints


def test_a_failpoint_that_is_not_armed_does_nothing() -> None:
    failpoint("ingest.named")


def test_an_armed_failpoint_acts_at_its_nth_pass_and_never_again() -> None:
    armed = parse_failpoints("other=kill,spool.fsync=eio@2")["spool.fsync"]
    armed.pass_through()
    with pytest.raises(OSError, match="Input/output error") as raised:
        armed.pass_through()
    assert raised.value.errno == errno.EIO
    armed.pass_through()


def test_a_kill_ends_the_process_without_running_cleanup() -> None:
    code = "from shared.process.failpoints import failpoint\ntry:\n failpoint('x')\nfinally:\n print('cleaned up')"
    ended = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "FAILPOINTS": "x=kill"}, check=False, capture_output=True
    )
    assert ended.returncode == -9
    assert b"cleaned up" not in ended.stdout


@pytest.mark.parametrize("armed", ["x", "x=explode", "x=kill@soon"])
def test_a_failpoint_setting_that_can_not_be_parsed_is_an_error(armed: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # of any wording
        parse_failpoints(armed)
