"""Finds free ports for the engines, and waits until a stored port is free again."""

import asyncio
import random
import socket

HOST = "127.0.0.1"
# Below 32768: from there on Linux takes the ports of outgoing connections, which would sometimes hold a stored port.
_CHOICE = range(20_000, 32_000)
_POLL_SECONDS = 0.1


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that no program listens on at the moment."""
    return random.sample([port for port in random.sample(_CHOICE, 200) if is_free(port)], count)


def is_free(port: int) -> bool:
    """Whether an engine could listen on `port`; connections in TIME_WAIT do not matter."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


async def becomes_free(port: int, *, within: float) -> bool:
    """Wait at most `within` seconds until `port` is free; returns whether it is."""
    try:
        async with asyncio.timeout(within):
            while not is_free(port):
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        return False
    return True
