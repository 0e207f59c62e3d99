"""The use case: what a session received becomes one WAV in the bucket, beside the original where that is kept."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from services.assembler.chunk_files import ChunkFile, ChunkFiles, contents, samples
from services.assembler.sources import Source as RecordingSource
from services.assembler.sources import opened
from services.assembler.spill import spilled
from services.assembler.transfer import (
    WAV_TYPE,
    Destination,
    StoredObject,
    upload_object,
    upload_wav,
    upload_wav_of_unknown_length,
)
from shared.audio.decode import DecodePolicy, Decoder, Source
from shared.audio.pcm import BYTES_PER_SECOND, SAMPLE_BYTES
from shared.audio.sniff import Refusal, Segment, segments
from shared.durable import sync_file
from shared.errors import BadMedia
from shared.events import AudioFailed, AudioReady, Intake, StoredOriginal
from shared.failpoints import failpoint
from shared.manifest import Manifest, Original, StoredManifest
from shared.object_names import wav_key, wav_name
from shared.objects import ObjectStore
from shared.purpose import RegisteredDocument
from shared.spool import SessionDirectory, Spool

_WAV_HEADER = 44


@dataclass(frozen=True, slots=True)
class Assembler:
    """Makes WAVs; running twice on the same session gives the same objects under the same keys.

    A store on this machine that confirms objects before they are on the disk has its files synced in `store_folder`:
    the spool is erased once a recording is stored, and nothing may be lost to a power cut then.
    """

    spool: Spool
    store: ObjectStore
    policy: DecodePolicy
    store_folder: Path | None = None

    async def assemble(self, directory: SessionDirectory, stored: StoredManifest) -> AudioReady | AudioFailed:
        """Check what was received, keep the original if it is wanted, decode, upload, look again.

        Returns the event to publish: a failure too, where the original is safe and only a WAV can't be made of it.
        Raises Permanent for chunks that are missing, changed or not audio, and Unavailable when the store is away.
        """
        manifest = stored.manifest
        async with opened(directory, manifest, self.store, self.spool) as source:
            original = await self._keep(manifest.original, source, stored.sha256) if manifest.original else None
            try:
                wav, warnings = await self._make_wav(directory, source.recording, stored)
            except BadMedia as exc:
                if original is None:
                    raise
                return AudioFailed(
                    code=exc.code,
                    reason=exc.message,
                    manifest_sha256=stored.sha256,
                    original=original,
                    intake=intake_of(manifest),
                )
        key = wav_key(directory.key)
        return AudioReady(
            url=self.store.url(key),
            filename=wav_name(directory.key),
            object_key=key,
            size_bytes=wav.size,
            sha256=wav.sha256,
            duration_seconds=(wav.size - _WAV_HEADER) / BYTES_PER_SECOND,
            manifest_sha256=stored.sha256,
            warnings=warnings,
            original=original,
            intake=intake_of(manifest),
        )

    async def erase(self, directory: SessionDirectory, manifest: Manifest) -> None:
        """Remove what was uploaded for a session that was deleted meanwhile; raises Unavailable."""
        await self.store.delete(wav_key(directory.key))
        if manifest.original is not None:
            await self.store.delete(manifest.original.object_key)

    async def _keep(self, original: Original, source: RecordingSource, manifest_sha256: str) -> StoredOriginal:
        size = sum(file.size for file in source.recording.files)
        sha256 = source.sha256
        if not original.in_bucket:
            to = Destination(
                self.store, original.object_key, original.content_type, {"manifest-sha256": manifest_sha256}
            )
            sha256 = (await upload_object(to, contents(source.recording.files, size))).sha256
        await self._sync(original.object_key)
        return StoredOriginal(
            url=self.store.url(original.object_key),
            object_key=original.object_key,
            filename=original.filename,
            content_type=original.content_type,
            size_bytes=size,
            sha256=sha256,
        )

    async def _make_wav(
        self, directory: SessionDirectory, recording: ChunkFiles, stored: StoredManifest
    ) -> tuple[StoredObject, tuple[str, ...]]:
        files = recording.files
        found = segments(recording.opening, [file.beginning for file in files], [file.size for file in files])
        if isinstance(found, Refusal):
            raise BadMedia(f"The bytes are {found.value}, not audio.", code="not_audio")
        if found[0].container is None and stored.manifest.original is not None:
            raise BadMedia("The bytes are not audio of a kind that is known.", code="not_audio")
        key = wav_key(directory.key)
        to = Destination(self.store, key, WAV_TYPE, {"manifest-sha256": stored.sha256})
        notes = _Notes()
        if found[0].container is None:
            wav = await self._pcm(to, files, notes)
        else:
            wav = await self._decoded(to, self._decode(files, found, notes))
        await self._sync(key)
        return wav, tuple(notes.warnings)

    async def _sync(self, key: str) -> None:
        if self.store_folder is not None:
            await asyncio.to_thread(sync_file, self.store_folder / key, self.store_folder)

    async def _pcm(self, to: Destination, files: Sequence[ChunkFile], notes: "_Notes") -> StoredObject:
        size = sum(file.size for file in files)
        limit = self.policy.max_audio_seconds
        if size > limit * BYTES_PER_SECOND:
            raise BadMedia(f"The audio is longer than {limit} seconds.", code="too_long")
        if size % SAMPLE_BYTES:
            notes.warnings.append("The last byte was half a sample and was dropped.")
        return await upload_wav(to, samples(files), size - size % SAMPLE_BYTES)

    async def _decoded(self, to: Destination, pcm: AsyncGenerator[bytes, None]) -> StoredObject:
        async with aclosing(pcm):
            if self.store.part_order == "any":
                return await upload_wav_of_unknown_length(to, pcm)
            async with spilled(pcm, self.spool.temporaries) as spill:
                return await upload_wav(to, spill.read(), spill.size)

    async def _decode(
        self, files: Sequence[ChunkFile], found: Sequence[Segment], notes: "_Notes"
    ) -> AsyncGenerator[bytes, None]:
        decoder = Decoder(self.policy, self.spool.temporaries)
        size = 0
        for segment in found:
            assert segment.container is not None  # noqa: S101  # only a whole session is headerless
            source = Source(segment.container, _paths(files, segment), segment.lying_length)
            async with aclosing(self._segment(decoder, source, notes, first=size == 0)) as pieces:
                async for piece in pieces:
                    failpoint("assembler.decoding")
                    size += len(piece)
                    if size > self.policy.max_audio_seconds * BYTES_PER_SECOND:
                        raise BadMedia(
                            f"The audio is longer than {self.policy.max_audio_seconds} seconds.", code="too_long"
                        )
                    yield piece
        if size == 0:
            raise BadMedia("There is no audio in the bytes.", code="no_audio")
        if decoder.damaged:
            notes.warnings.append("Parts of the audio were damaged and were passed over.")

    @staticmethod
    async def _segment(
        decoder: Decoder, source: Source, notes: "_Notes", *, first: bool
    ) -> AsyncGenerator[bytes, None]:
        """Decode one stream; a broken one behind a good one costs itself, not the recording."""
        try:
            async with aclosing(decoder.decode(source)) as pieces:
                async for piece in pieces:
                    yield piece
        except BadMedia as exc:
            if first or exc.code != BadMedia.default_code:
                raise
            notes.warnings.append("A part of the recording is not audio and was left out.")


@dataclass(slots=True)
class _Notes:
    """What a caller should hear of beside the result."""

    warnings: list[str] = field(default_factory=list)


def intake_of(manifest: Manifest) -> Intake:
    """Tell how a recording came in."""
    purpose = manifest.purpose
    size = purpose.size_bytes if isinstance(purpose, RegisteredDocument) else manifest.size
    return Intake(
        opened_at=manifest.opened_at or manifest.finalized_at, chunks=len(manifest.chunks), bytes=size, purpose=purpose
    )


def _paths(files: Sequence[ChunkFile], segment: Segment) -> list[Path]:
    return [file.path for file in files[segment.first : segment.end]]
