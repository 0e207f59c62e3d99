"""Chunks are erased only after their WAV is on disk, shown by the order of the system calls."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from deploy.local.nats_server import NatsServer
from deploy.local.object_store import RcloneStore
from shared.storage.session_directory import SessionDirectory
from tests.integration.audio_files import encoded
from tests.integration.ingest.uploading import Uploader
from tests.integration.pipeline import assembler_running, assembler_settings, ingest_running, ingest_settings
from tests.integration.stereo_files import call, encoded_channels
from tests.waiting import until


class SystemCalls:
    """The synced files and folders and the removed names of this process, in order; every call is really made."""

    def __init__(self) -> None:
        self.made: list[tuple[str, Path]] = []
        self._fsync, self._unlink = os.fsync, os.unlink

    def fsync(self, fd: int) -> None:
        path = Path(f"/proc/self/fd/{fd}").readlink()
        self._fsync(fd)
        self.made.append(("sync", path))

    def unlink(self, path: str | Path, *, dir_fd: int | None = None) -> None:
        self.made.append(("erase", Path(path)))
        self._unlink(path, dir_fd=dir_fd)

    def synced_before_erased(self, file: Path, root: Path, directory: SessionDirectory) -> bool:
        """Whether `file` and each folder up to `root` were synced, in this order, before any chunk was erased."""
        first = next(
            position
            for position, (call, path) in enumerate(self.made)
            if call == "erase" and path.parent == directory.path and path.suffix == ".chunk"
        )
        before = iter(self.made[:first])
        folders = [folder for folder in file.parents if folder == root or root in folder.parents]
        return all(("sync", path) in before for path in [file, *folders])  # each search goes on where the last ended


def closed(directory: SessionDirectory) -> bool:
    return directory.result.exists() and not directory.chunk_sizes()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[SystemCalls]:
    recorded = SystemCalls()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", recorded.fsync)
        patch.setattr(os, "unlink", recorded.unlink)
        yield recorded


async def test_what_was_made_and_its_archived_event_are_synced_with_their_folders_before_a_chunk_is_erased(
    tmp_path: Path, private_nats: NatsServer, private_store: RcloneStore, calls: SystemCalls
) -> None:
    bucket = private_store.bucket_folder
    store = private_store.config("ascending")
    settings = assembler_settings(tmp_path, private_nats.url, store, store_folder=bucket)
    async with (
        ingest_running(ingest_settings(tmp_path, private_nats.url, store)) as pipeline,
        assembler_running(settings),
    ):
        for chunk in (encoded("mp3"), encoded_channels("mp3", call())):
            await pipeline.send("synced", chunk)
        assert (await pipeline.finalize("synced")).status_code == 200
        directory = pipeline.directory("synced")
        await until(partial(closed, directory))
    for name in ("audio_synced.wav", "channels_synced.flac", ".roomtone/default/synced/audio.ready.json"):
        assert calls.synced_before_erased(bucket / name, bucket, directory), name


async def test_an_original_is_synced_with_its_folders_before_a_chunk_is_erased(
    tmp_path: Path, private_nats: NatsServer, private_store: RcloneStore, calls: SystemCalls
) -> None:
    bucket = private_store.bucket_folder
    store = private_store.config("ascending")
    settings = assembler_settings(tmp_path, private_nats.url, store, store_folder=bucket)
    async with (
        ingest_running(ingest_settings(tmp_path, private_nats.url, store)) as pipeline,
        assembler_running(settings),
    ):
        uploader = Uploader(pipeline)
        for content, event in ((encoded("mp3"), "audio.ready"), (b"no audio at all", "audio.failed")):
            upload = await uploader.uploaded(content)
            assert (await uploader.complete(upload, 1)).status_code == 200
            directory = pipeline.directory(upload)
            await until(partial(closed, directory))
            original = next(path for path in bucket.rglob("audio.mp3") if upload in str(path))
            for file in (original, bucket / f".roomtone/default/{upload}/{event}.json"):
                assert calls.synced_before_erased(file, bucket, directory), file
