"""Draws a session's WAV: the lowest and highest sample of each pixel, as audiowaveform's JSON, which players draw.

The form is version 2 of https://github.com/bbc/audiowaveform/blob/master/doc/DataFormat.md, with 8 bits.
"""

import asyncio
import re
from contextlib import aclosing
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from starlette.datastructures import QueryParams

from services.ingest.api.session_resource import SESSION_ID
from services.ingest.playback.object_playback import ObjectReader, PlayableObject
from shared.audio.pcm import SAMPLE_RATE
from shared.audio.wav import HEADER_BYTES
from shared.domain.errors import ErrorKind, InvalidInput
from shared.http.operation import Operation, Parameter, ResponseSpec

_DEFAULT, _LEAST, _MOST = 800, 64, 1_600_000  # samples of a pixel: 4 ms to 100 s
_NUMBER = re.compile(r"[1-9][0-9]{0,6}", re.ASCII)
_READERS = 2  # at once: ten hours are 1.2 GB to read and some 4 s of a processor


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """`data` has the lowest and the highest sample of each pixel in turn, from -128 to 127; `length` counts pixels."""

    version: int = 2
    channels: int = 1
    sample_rate: int = SAMPLE_RATE
    samples_per_pixel: int
    bits: int = 8
    length: int
    data: list[int]


READ_PEAKS = Operation(
    summary="Draw the recording of a session",
    description="The lowest and the highest sample of each pixel of its WAV, in the form of audiowaveform.",
    parameters=[
        SESSION_ID,
        Parameter(
            name="samples_per_pixel",
            where="query",
            description=f"How many samples are a pixel; {_DEFAULT} without it, which is 50 ms.",
            schema={"type": "integer", "minimum": _LEAST, "maximum": _MOST},
        ),
    ],
    responses={200: ResponseSpec(description="All of the recording.", model=Peaks)},
    errors=[ErrorKind.INVALID, ErrorKind.NOT_FOUND, ErrorKind.UNAVAILABLE],
)


def samples_per_pixel(query: QueryParams) -> int:
    """Return what `samples_per_pixel` asks for; raises InvalidInput for anything but a number within the bounds."""
    text = query.get("samples_per_pixel", str(_DEFAULT))
    if _NUMBER.fullmatch(text) is None or not _LEAST <= int(text) <= _MOST:
        message = f"samples_per_pixel must be a whole number from {_LEAST} to {_MOST}."
        raise InvalidInput(message, code="invalid_samples_per_pixel")
    return int(text)


@dataclass(frozen=True, slots=True)
class PeakReader:
    """Reads WAVs from the bucket and draws them, a few at once; in memory are some mebibytes and the drawing."""

    store: ObjectReader
    reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_READERS))

    async def read(self, wav: PlayableObject, pixel: int) -> Peaks:
        """Return the peaks of a mono WAV of 16 bits; raises NotFound for an object that is gone, and Unavailable."""
        drawn: list[NDArray[np.int8]] = []
        async with self.reading:
            rest = b""
            async with aclosing(self.store.read(wav.object_key, HEADER_BYTES)) as pieces:
                async for piece in pieces:
                    content = rest + piece
                    whole = len(content) - len(content) % (2 * pixel)
                    rest = content[whole:]
                    if whole:
                        drawn.append(await asyncio.to_thread(_peaks, content[:whole], pixel))
            if rest := rest[: len(rest) - len(rest) % 2]:
                drawn.append(_peaks(rest, len(rest) // 2))
        values = np.concatenate(drawn).tolist() if drawn else []
        return Peaks(samples_per_pixel=pixel, length=len(values) // 2, data=values)


def _peaks(pcm: bytes, pixel: int) -> NDArray[np.int8]:
    """Return the lowest and the highest of each `pixel` samples in turn, of 16 bits the upper 8."""
    samples = np.frombuffer(pcm, "<i2").reshape(-1, pixel)
    both = np.stack([samples.min(axis=1), samples.max(axis=1)], axis=1)
    return (both >> 8).astype(np.int8).ravel()
