"""Assembles a session's chunks, or the document in the bucket, into one WAV in the bucket; stores the original too.

The original (the bytes as they were received) is stored only where the manifest asks for it, both channels only where
they are not the same.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from services.assembler.bucket_upload import (
    PART_BYTES,
    WAV_TYPE,
    StoredObject,
    UploadTarget,
    upload_object,
    upload_wav,
    upload_wav_of_unknown_length,
)
from services.assembler.chunk_files import ChunkFile, contents, read_at, samples
from services.assembler.decoded_upload import FLAC_TYPE, ChannelsTarget, upload_decoded
from services.assembler.decoding import RecordingDecoder
from services.assembler.sources import RecordingFiles, open_recording_files
from services.assembler.spill_file import open_spill_file
from services.assembler.writeback import background_writeback
from shared.audio.decode import NotMono
from shared.audio.ffmpeg_process import DecodePolicy
from shared.audio.not_audio import NotAudio
from shared.audio.pcm import BYTES_PER_SECOND, SAMPLE_BYTES
from shared.audio.streams import CHUNK_HEAD_BYTES, split_into_streams
from shared.domain.errors import BadMedia
from shared.domain.events import AudioFailed, AudioReady, StoredChannels, StoredOriginal, UploadSummary
from shared.domain.manifest import Manifest, OriginalLocation, StoredManifest
from shared.domain.object_keys import channels_key, wav_key, wav_name
from shared.domain.upload_kind import RegisteredDocument
from shared.storage.object_store import ObjectStore
from shared.storage.session_directory import SessionDirectory
from shared.storage.spool import Spool

_WAV_HEADER = 44
_HALF_A_SAMPLE = "The last byte was half a sample and was dropped."


@dataclass(frozen=True, slots=True)
class _StoredAudio:
    """What was made of a recording and is in the bucket; `warnings` says what was left out or passed over."""

    wav: StoredObject
    channels: StoredChannels | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assembler:
    """Makes WAVs; running twice on the same session gives the same objects under the same keys.

    `store_folder` is the folder of a store on this machine that confirms objects before they are on disk, else None.
    Writing such objects to disk starts while they arrive, since they are synced before their event is published.
    """

    spool: Spool
    store: ObjectStore
    policy: DecodePolicy
    store_folder: Path | None = None

    async def assemble(self, directory: SessionDirectory, stored: StoredManifest) -> AudioReady | AudioFailed:
        """Verify what was received, store the original if the manifest asks for it, decode, upload, verify the objects.

        Returns the event to publish after `sync`; it is AudioFailed where the original is stored and only a WAV can't
        be made of it. Raises Permanent for chunks that are missing, changed or not audio, and Unavailable when the
        store is away.
        """
        manifest = stored.manifest
        async with open_recording_files(directory, manifest, self.store, self.spool) as source:
            storing_original = asyncio.create_task(self._store_original(manifest.original, source, stored.sha256))
            try:
                audio = await self._make_audio(directory, source, stored)
                original = await storing_original
            except BadMedia as exc:
                original = await storing_original
                await source.verification  # the bytes may be bad because our disk corrupted them
                if original is None:
                    raise
                return AudioFailed(
                    code=exc.code,
                    reason=exc.message,
                    manifest_sha256=stored.sha256,
                    original=original,
                    intake=upload_summary(manifest),
                )
            finally:
                storing_original.cancel()
                await asyncio.gather(storing_original, return_exceptions=True)
        key = wav_key(directory.key)
        return AudioReady(
            url=self.store.url(key),
            filename=wav_name(directory.key),
            object_key=key,
            size_bytes=audio.wav.size,
            sha256=audio.wav.sha256,
            duration_seconds=(audio.wav.size - _WAV_HEADER) / BYTES_PER_SECOND,
            manifest_sha256=stored.sha256,
            warnings=audio.warnings,
            channels=audio.channels,
            original=original,
            intake=upload_summary(manifest),
        )

    async def sync(self, ended: AudioReady | AudioFailed) -> None:
        """Sync the objects that an event names, so that they survive a power loss; call before publishing it.

        Raises OSError.
        """
        if isinstance(ended, AudioReady):
            await self.store.sync(ended.object_key)
            if ended.channels is not None:
                await self.store.sync(ended.channels.object_key)
        if ended.original is not None:
            await self.store.sync(ended.original.object_key)

    async def erase(self, directory: SessionDirectory, manifest: Manifest) -> None:
        """Delete all objects of a session that was deleted while it was assembled; raises Unavailable."""
        await self.store.delete(wav_key(directory.key))
        await self.store.delete(channels_key(directory.key))
        if manifest.original is not None:
            await self.store.delete(manifest.original.object_key)

    async def _store_original(
        self, original: OriginalLocation | None, source: RecordingFiles, manifest_sha256: str
    ) -> StoredOriginal | None:
        if original is None:
            return None
        size = sum(file.size for file in source.recording.files)
        sha256 = source.sha256
        if not original.in_bucket:
            metadata = {"manifest-sha256": manifest_sha256}
            target = UploadTarget(self.store, original.object_key, original.content_type, metadata, source.verification)
            sha256 = (await upload_object(target, contents(source.recording.files, size))).sha256
        return StoredOriginal(
            url=self.store.url(original.object_key),
            object_key=original.object_key,
            filename=original.filename,
            content_type=original.content_type,
            size_bytes=size,
            sha256=sha256,
        )

    async def _make_audio(
        self, directory: SessionDirectory, source: RecordingFiles, stored: StoredManifest
    ) -> _StoredAudio:
        recording, files = source.recording, source.recording.files
        signatures, sizes = [file.signature for file in files], [file.size for file in files]
        read_behind = partial(read_at, files, CHUNK_HEAD_BYTES)
        streams = await asyncio.to_thread(split_into_streams, recording.first_bytes, signatures, sizes, read_behind)
        if isinstance(streams, NotAudio):
            raise BadMedia(streams.message, code=streams.code)
        if streams[0].container is None and stored.manifest.original is not None:
            raise BadMedia("The bytes are not audio of a kind that is known.", code="not_audio")
        key = wav_key(directory.key)
        target = UploadTarget(self.store, key, WAV_TYPE, {"manifest-sha256": stored.sha256}, source.verification)
        if streams[0].container is None:
            return await self._upload_pcm(target, files)
        decoding = partial(RecordingDecoder, self.policy, self.spool.temporaries, files, streams)
        if self.store.part_order == "any":
            with suppress(NotMono):
                return await self._upload_while_decoding(target, decoding())
        upload = replace(target, key=channels_key(directory.key), content_type=FLAC_TYPE)
        channels = ChannelsTarget(upload, stored.manifest.channel_names, self.policy)
        return await self._upload_decoded(target, channels, decoding())

    async def _upload_pcm(self, target: UploadTarget, files: Sequence[ChunkFile]) -> _StoredAudio:
        size = sum(file.size for file in files)
        limit = self.policy.max_audio_seconds
        if size > limit * BYTES_PER_SECOND:
            raise BadMedia(f"The audio is longer than {limit} seconds.", code="too_long")
        async with self._early_writeback(target.key, size):
            wav = await upload_wav(target, samples(files), size - size % SAMPLE_BYTES)
        return _StoredAudio(wav, warnings=(_HALF_A_SAMPLE,) if size % SAMPLE_BYTES else ())

    async def _upload_while_decoding(self, target: UploadTarget, decoder: RecordingDecoder) -> _StoredAudio:
        """Upload the WAV of a recording of one channel; raises NotMono for any other, which is to be spilled."""
        async with aclosing(decoder.decode()) as pcm:
            wav = await upload_wav_of_unknown_length(target, pcm)
        return _StoredAudio(wav, warnings=tuple(decoder.warnings))

    async def _upload_decoded(
        self, target: UploadTarget, channels: ChannelsTarget, decoder: RecordingDecoder
    ) -> _StoredAudio:
        with open_spill_file(self.spool.temporaries) as decoded:
            await decoder.decode_to_file(decoded)
            async with self._early_writeback(target.key, decoded.frames * SAMPLE_BYTES):
                wav, both = await upload_decoded(target, channels, decoded)
        return _StoredAudio(wav, both, tuple(decoder.warnings))

    def _early_writeback(self, key: str, size: int) -> AbstractAsyncContextManager[None]:
        if self.store_folder is None or size < PART_BYTES:  # a single put is over before the disk would have begun
            return nullcontext()
        return background_writeback((self.store_folder / key).parent)


def upload_summary(manifest: Manifest) -> UploadSummary:
    """Summarize an upload for the events: when it was opened, chunks, bytes, and upload kind."""
    purpose = manifest.purpose
    size = purpose.size_bytes if isinstance(purpose, RegisteredDocument) else manifest.size
    return UploadSummary(
        opened_at=manifest.opened_at or manifest.finalized_at, chunks=len(manifest.chunks), bytes=size, purpose=purpose
    )
