"""Calls to this machine's own engines never go through a proxy that the environment names."""

import os

_LOOPBACK = "127.0.0.1,localhost,::1"


def go_directly_to_this_machine() -> None:
    """Add the loopback addresses to those that need no proxy; clients of S3, HTTP and WebSocket obey it."""
    for name in ("NO_PROXY", "no_proxy"):
        others = os.environ.get(name)
        if others != "*":  # which means everything, if it stands alone
            os.environ[name] = f"{others},{_LOOPBACK}" if others else _LOOPBACK
