"""The use case: a session's chunks become one WAV in the bucket."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from services.assembler.chunk_files import ChunkFile, open_chunks, samples
from services.assembler.spill import spilled
from services.assembler.transfer import Destination, StoredWav, upload_wav, upload_wav_of_unknown_length
from shared.audio.decode import DecodePolicy, Decoder, Source
from shared.audio.pcm import BYTES_PER_SECOND, SAMPLE_BYTES
from shared.audio.sniff import Refusal, Segment, segments
from shared.durable import sync_file
from shared.errors import BadMedia
from shared.events import AudioReady
from shared.manifest import StoredManifest
from shared.object_names import wav_key, wav_name
from shared.objects import ObjectStore
from shared.spool import SessionDirectory, Spool

_WAV_HEADER = 44


@dataclass(frozen=True, slots=True)
class Assembler:
    """Makes WAVs; running twice on the same session gives the same object under the same key.

    A store on this machine that confirms objects before they are on the disk has its files synced in `store_folder`:
    the spool is erased once a WAV is stored, and nothing may be lost to a power cut then.
    """

    spool: Spool
    store: ObjectStore
    policy: DecodePolicy
    store_folder: Path | None = None

    async def assemble(self, directory: SessionDirectory, stored: StoredManifest) -> AudioReady:
        """Check the chunks, decode what has a header, upload, look again; returns the event to publish.

        Raises Permanent for chunks that are missing, changed or not audio, and Unavailable when the store is away.
        """
        chunks = await asyncio.to_thread(open_chunks, directory, stored.manifest)
        files = chunks.files
        found = segments(chunks.opening, [file.beginning for file in files], [file.size for file in files])
        if isinstance(found, Refusal):
            raise BadMedia(f"The bytes are {found.value}, not audio.", code="not_audio")
        key = wav_key(directory.key)
        to = Destination(self.store, key, {"manifest-sha256": stored.sha256})
        notes = _Notes()
        if found[0].container is None:
            wav = await self._pcm(to, files, notes)
        else:
            wav = await self._decoded(to, self._decode(files, found, notes))
        if self.store_folder is not None:
            await asyncio.to_thread(sync_file, self.store_folder / key, self.store_folder)
        return AudioReady(
            url=self.store.url(key),
            filename=wav_name(directory.key),
            object_key=key,
            size_bytes=wav.size,
            sha256=wav.sha256,
            duration_seconds=(wav.size - _WAV_HEADER) / BYTES_PER_SECOND,
            manifest_sha256=stored.sha256,
            warnings=tuple(notes.warnings),
        )

    async def _pcm(self, to: Destination, files: Sequence[ChunkFile], notes: "_Notes") -> StoredWav:
        size = sum(file.size for file in files)
        limit = self.policy.max_audio_seconds
        if size > limit * BYTES_PER_SECOND:
            raise BadMedia(f"The audio is longer than {limit} seconds.", code="too_long")
        if size % SAMPLE_BYTES:
            notes.warnings.append("The last byte was half a sample and was dropped.")
        return await upload_wav(to, samples(files), size - size % SAMPLE_BYTES)

    async def _decoded(self, to: Destination, pcm: AsyncGenerator[bytes, None]) -> StoredWav:
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


def _paths(files: Sequence[ChunkFile], segment: Segment) -> list[Path]:
    return [file.path for file in files[segment.first : segment.end]]
