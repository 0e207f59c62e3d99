"""`python -m deploy.local.demo`: sends a recording as a live client would, and shows its events and score.

FILE names the recording (default: a speech sample), SERVER a running system (default: one started for the
demonstration), TOKEN that system's token, SPEED the pieces of 32 kB a second (25; 0 for no pause), TIMEOUT the seconds
to wait for the score (900).
"""

import asyncio
import os
import signal
import sys
from contextlib import nullcontext

from deploy.local.demo.demonstration import SendingPace, demonstrate
from deploy.local.demo.errors import DemoError
from deploy.local.demo.own_server import own_server
from deploy.local.demo.recording import open_recording
from deploy.local.demo.terminal import Terminal
from deploy.local.proxies import go_directly_to_this_machine


async def _demonstrate() -> None:
    _cancel_at(signal.SIGTERM)
    recording = open_recording(os.environ.get("FILE"))
    pace = SendingPace(speed=_number("SPEED", 25.0), score_timeout=_number("TIMEOUT", 900.0))
    terminal = Terminal()
    server = _server()
    if server is None:
        terminal.line("starting", "a server for this demonstration; SERVER=http://… uses a running one")
    async with own_server() if server is None else nullcontext(server) as address:
        await demonstrate(recording, address, pace, terminal, _credentials())


def _server() -> str | None:
    server = os.environ.get("SERVER", "").rstrip("/")
    if server and not server.startswith(("http://", "https://")):
        raise DemoError(f"SERVER={server} must begin with http:// or https://")
    return server or None


def _credentials() -> dict[str, str]:
    token = os.environ.get("TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _number(name: str, default: float) -> float:
    text = os.environ.get(name) or str(default)
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise DemoError(f"{name}={text} must be a number that is not negative.")
    return number


def _cancel_at(number: signal.Signals) -> None:
    """Cancel the demonstration at a signal, so that its server is stopped and its data deleted before the end."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  # called from a coroutine
    asyncio.get_running_loop().add_signal_handler(number, task.cancel)


def main() -> None:
    """Run the demonstration; exit status 1 and one line on standard error for a failure."""
    go_directly_to_this_machine()
    try:
        asyncio.run(_demonstrate())
    except DemoError as exc:
        sys.exit(f"demo: {exc}")
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)


if __name__ == "__main__":
    main()
