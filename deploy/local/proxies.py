"""Exempts this machine's loopback addresses from the proxies that the environment names."""

import os

_LOOPBACK = "127.0.0.1,localhost,::1"


def go_directly_to_this_machine() -> None:
    """Add the loopback addresses to NO_PROXY, which the clients of S3, HTTP and WebSocket respect."""
    for name in ("NO_PROXY", "no_proxy"):
        others = os.environ.get(name)
        if others != "*":  # alone, it exempts all addresses
            os.environ[name] = f"{others},{_LOOPBACK}" if others else _LOOPBACK
