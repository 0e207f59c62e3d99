"""Ports for the engines: free ones to begin with, and whether a kept one is free again."""

import asyncio
import random
import socket

HOST = "127.0.0.1"
# Below 32768, where Linux takes the ports of outgoing connections from: a kept port would sometimes be theirs.
_CHOICE = range(20_000, 32_000)
_ASK_EVERY = 0.1


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that nobody listens on at the moment."""
    return random.sample([port for port in random.sample(_CHOICE, 200) if is_free(port)], count)


def is_free(port: int) -> bool:
    """Whether an engine could listen on `port`; connections that linger from an earlier one do not matter."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


async def becomes_free(port: int, *, within: float) -> bool:
    """Wait at most `within` seconds for whoever holds `port` to let go; returns whether it did."""
    try:
        async with asyncio.timeout(within):
            while not is_free(port):
                await asyncio.sleep(_ASK_EVERY)
    except TimeoutError:
        return False
    return True
