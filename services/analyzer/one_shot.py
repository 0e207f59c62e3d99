"""The use case of a one-shot analysis: a whole file in memory, judged by its bytes, becomes a score."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from services.analyzer.analyze import AnalysisResult, Analyzer
from services.analyzer.memory_file import MemoryFile
from shared.audio.decode import DecodePolicy, Decoder
from shared.audio.pcm import BYTES_PER_SECOND
from shared.audio.sniff import SIGNATURE_BYTES, Container, sniff
from shared.audio.source import DecoderInput
from shared.domain.errors import BadMedia, InvalidInput, Permanent, RoomtoneError, Unavailable

_SHORTEST = BYTES_PER_SECOND // 50  # a fiftieth of a second: nothing that anyone could hear a word in
_PIECE = 256 * 1024

_SERVER_FAULTS = {"decode_timeout"}  # what a decoder says of itself rather than of the bytes


class OneShotAnalyzer:
    """Analyzes one file a call.

    All of it is decoded before any of it is transcribed, since what is too long or breaks off in the middle must
    not cost a model's time: 10 MB of samples for five minutes.
    """

    def __init__(self, analyst: Analyzer, policy: DecodePolicy) -> None:
        self._analyst = analyst
        self._policy = policy

    async def analyze(self, file: MemoryFile) -> AnalysisResult:
        """Return the analysis; raises InvalidInput for what is not audio or too long, Permanent for what else fails."""
        source = DecoderInput(_container(file.head(SIGNATURE_BYTES)), file.as_descriptor())
        try:
            samples = await self._decoded(source)
            return await self._analyst.analyze_samples(_pieces(samples))
        except BadMedia as exc:
            if exc.code in _SERVER_FAULTS:
                raise
            raise InvalidInput(exc.message, code=exc.code) from exc
        except Unavailable as exc:
            raise Permanent(exc.message, code=exc.code) from exc

    async def _decoded(self, source: DecoderInput) -> bytearray:
        samples = bytearray()
        async with aclosing(Decoder(self._policy).decode(source)) as pieces:
            async for piece in pieces:
                samples += piece
        if len(samples) < _SHORTEST:
            raise BadMedia("There is no audio in the file.", code="no_audio")
        return samples


def _container(head: bytes) -> Container:
    """Tell what the bytes are, whatever the file is called; raises InvalidInput."""
    match sniff(head):
        case Container() as container:
            return container
        case None:
            raise _not_audio("The file's bytes are no audio of a supported format.")
        case refusal:
            raise _not_audio(f"The file is {refusal.value}, not audio.")


def _not_audio(message: str) -> RoomtoneError:
    return InvalidInput(message, code="not_audio")


async def _pieces(samples: bytearray) -> AsyncIterator[bytes]:
    for start in range(0, len(samples), _PIECE):
        await asyncio.sleep(0)  # measuring hours of silence would hold up everyone on the loop
        yield bytes(samples[start : start + _PIECE])
