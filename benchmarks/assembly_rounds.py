"""Times one round of each kind of recording: the peer, then ours."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.assembly_media import Format
from benchmarks.assembly_system import System

_CHUNK = 1024 * 1024
_PART = 8 * 1024 * 1024
_WAV_TYPE = "audio/wav"


@dataclass(slots=True)
class Timings:
    """Seconds of each round: ours, the peer alone, and the peer followed by an upload where there is one."""

    name: str
    peer: str
    target: float
    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    uploaded: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Median of ours divided by the peer alone, round by round."""
        return median(ours / bare for ours, bare in zip(self.ours, self.bare, strict=True))

    @property
    def ratio_uploaded(self) -> float | None:
        """Median of ours divided by the peer with its upload, or None without such a peer."""
        if not self.uploaded:
            return None
        return median(ours / peer for ours, peer in zip(self.ours, self.uploaded, strict=True))

    @property
    def reached(self) -> bool:
        """Whether the median ratio is within the target."""
        return self.ratio <= self.target


async def decoded(system: System, form: Format, path: Path, ffmpeg: str, timings: Timings) -> None:
    """Time a round of a recording that is decoded: FFmpeg alone, the upload of its result, and ours."""
    result = path.with_name("bare.wav")
    timings.bare.append(await _ffmpeg_alone(ffmpeg, form, path, result))
    timings.uploaded.append(timings.bare[-1] + await _upload(system, result))
    result.unlink()
    timings.ours.append(await system.finalize(await system.send(list(_chunks(path)))))


async def samples(system: System, path: Path, timings: Timings) -> None:
    """Time a round of headerless samples: the upload of the same bytes to the store alone, and ours."""
    timings.bare.append(await _upload(system, path))
    timings.ours.append(await system.finalize(await system.send(list(_chunks(path)))))


async def few_chunks(system: System, timings: Timings) -> None:
    """Time a round of five chunks of 32 kB: one put of the same bytes, and ours."""
    chunk = bytes(range(256)) * 125
    started = perf_counter()
    await system.store.put("bench/small", chunk * 5, content_type=_WAV_TYPE, metadata={})
    timings.bare.append(perf_counter() - started)
    timings.ours.append(await system.finalize(await system.send([chunk] * 5)))


async def many_chunks(system: System, count: int) -> float:
    """Return how many seconds a session of `count` chunks of 100 ms takes to finalize."""
    return await system.finalize(await system.send([bytes(3200)] * count))


async def _ffmpeg_alone(ffmpeg: str, form: Format, path: Path, result: Path) -> float:
    wanted = ("-ac", "1", "-ar", "16000", "-c:a", "pcm_s16le")
    quiet = ("-loglevel", "error", "-nostdin", "-y")
    started = perf_counter()
    program = await asyncio.create_subprocess_exec(
        ffmpeg, *quiet, *form.input_options, "-i", str(path), *wanted, str(result)
    )
    if await program.wait():
        raise RuntimeError("the bare program failed")
    return perf_counter() - started


async def _upload(system: System, path: Path) -> float:
    """Upload a file with the store's client, part after part, and return the seconds."""
    store, key = system.store, "bench/upload"
    started = perf_counter()
    upload = await store.create_multipart_upload(key, content_type=_WAV_TYPE, metadata={})
    with path.open("rb") as file:
        parts = [
            await store.upload_part(key, upload, number, body)
            for number, body in enumerate(iter(lambda: file.read(_PART), b""), start=1)
        ]
    await store.complete_multipart_upload(key, upload, parts)
    return perf_counter() - started


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
