"""The demonstration: sends a recording in chunks, shows its events live, and its score at the end."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import httpx

from deploy.local.demo.client import Uploader, check_server
from deploy.local.demo.errors import DemoError
from deploy.local.demo.frame import Frame
from deploy.local.demo.listener import last_event, listening
from deploy.local.demo.recording import Recording
from deploy.local.demo.terminal import Terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingPace:
    """How the recording is sent: bytes per piece, pieces a second (0: without a pause), seconds to wait for a score."""

    piece: int = 32_000
    speed: float = 25.0
    score_timeout: float = 900.0


async def demonstrate(
    recording: Recording, server: str, pace: SendingPace, terminal: Terminal, credentials: Mapping[str, str]
) -> None:
    """Send `recording` to `server` with the headers `credentials`, and show its events and score; raises DemoError."""
    session = f"demo-{secrets.token_hex(6)}"
    async with httpx.AsyncClient(headers=credentials) as client:
        await check_server(server, client)
        async with listening(server, session, credentials, terminal.event) as listener:
            terminal.line("listening", f"session {session} at {server}")
            uploader = Uploader(server, session, client)
            await _send(recording, uploader.send, pace, terminal)
            body = await uploader.finalize()
            terminal.line("finalized", body.url or "the server is still working on it")
            async with terminal.clock("scoring"):
                last = await last_event(listener, within=pace.score_timeout)
            _show_score(last, terminal)


async def _send(
    recording: Recording, send: Callable[[int, bytes], Awaitable[None]], pace: SendingPace, terminal: Terminal
) -> None:
    """Send the pieces one after another, each at its due time (not a fixed pause after the one before)."""
    terminal.line("sending", f"{recording.path.name}, {recording.size:,} bytes in pieces of {pace.piece:,}")
    loop = asyncio.get_running_loop()
    begin = loop.time()
    with terminal.bar(recording.size) as bar:
        for index, piece in enumerate(recording.pieces(pace.piece)):
            if pace.speed:
                await asyncio.sleep(max(0.0, begin + index / pace.speed - loop.time()))
            await send(index, piece)
            bar.update(len(piece))
    terminal.line("sent", "every piece is acknowledged, and so on the disk")


def _show_score(last: Frame, terminal: Terminal) -> None:
    if last.event != "analysis_ready":
        raise DemoError(f"{last.event}: {last.reason or 'no reason given'}")
    terminal.line("score", f"{last.temperature} of 100, confidence {last.confidence}")
    terminal.line("summary", last.analysis_summary or "")
