"""One-shot analysis: detects the format of a file in memory by its bytes, decodes it, and analyzes it."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from services.analyzer.analyze import AnalysisResult, Analyzer
from services.analyzer.memory_file import MemoryFile, memory_file
from services.analyzer.score.protocol import TranscribedRecording
from services.analyzer.transcribe.line_teller import OnLine
from services.analyzer.transcribe_recording import MONO
from shared.audio.decode import Decoder
from shared.audio.decoded_file import DecodedFile
from shared.audio.ffmpeg_process import DecodePolicy
from shared.audio.pcm import SAMPLE_RATE
from shared.audio.sniff import SIGNATURE_BYTES, Container, sniff
from shared.audio.source import DecoderInput
from shared.audio.stereo import the_one_channel
from shared.domain.errors import BadMedia, InvalidInput, Permanent, RoomtoneError, Unavailable
from shared.domain.manifest import DEFAULT_CHANNEL_NAMES

_SHORTEST = SAMPLE_RATE // 50  # 20 ms: shorter than any word
_PIECE = 256 * 1024

_SERVER_FAULTS = {"decode_timeout"}  # codes of BadMedia that are the decoder's fault, not the file's


@dataclass(frozen=True, slots=True, eq=False)
class DecodedSound:
    """A decoded file: interleaved PCM (`shared.audio.pcm`) of the channels with these names, (None,) for mono."""

    samples: bytearray
    channels: Sequence[str | None]


class OneShotAnalyzer:
    """Analyzes or transcribes one file a call.

    The whole file is decoded before any of it is transcribed, since a file that is too long or breaks off in the middle
    must not cost a model's time; five minutes are 10 MB of samples. All methods raise InvalidInput if the file is not
    audio or too long, Permanent for other faults.
    """

    def __init__(self, analyzer: Analyzer, policy: DecodePolicy) -> None:
        self._analyzer = analyzer
        self._policy = policy

    async def analyze(self, file: MemoryFile) -> AnalysisResult:
        """Decode, transcribe and score a file."""
        sound = await self.decode(file)
        with _one_shot_errors():
            return await self._analyzer.analyze_samples(_pieces(sound.samples), sound.channels)

    async def transcribe(self, sound: DecodedSound, on_line: OnLine | None = None) -> TranscribedRecording:
        """Transcribe a decoded file; `on_line` is told of each line as soon as it is understood."""
        with _one_shot_errors():
            return await self._analyzer.transcribe_samples(_pieces(sound.samples), sound.channels, on_line)

    async def decode(self, file: MemoryFile) -> DecodedSound:
        """Decode a whole file."""
        with _one_shot_errors():
            source = DecoderInput(_container(file.head(SIGNATURE_BYTES)), file.as_descriptor())
            with memory_file() as memory:
                decoded = DecodedFile(memory.as_descriptor().descriptor)
                await decoded.append(Decoder(self._policy), source, self._policy.max_audio_seconds * SAMPLE_RATE)
                if decoded.frames < _SHORTEST:
                    raise BadMedia("There is no audio in the file.", code="no_audio")
                return await asyncio.to_thread(_sound, decoded)


def _sound(decoded: DecodedFile) -> DecodedSound:
    """Return both channels if they are not the same, else what they hold together as one; blocks."""
    verdict = decoded.compare_channels()
    if verdict is None or the_one_channel(verdict) is not None:
        return DecodedSound(bytearray().join(decoded.mono(verdict)), MONO)
    return DecodedSound(bytearray().join(decoded.interleaved()), DEFAULT_CHANNEL_NAMES)


@contextmanager
def _one_shot_errors() -> Iterator[None]:
    """Raise what is wrong with the file as InvalidInput, and what is wrong with us as Permanent: nothing is retried."""
    try:
        yield
    except BadMedia as exc:
        if exc.code in _SERVER_FAULTS:
            raise
        raise InvalidInput(exc.message, code=exc.code) from exc
    except Unavailable as exc:
        raise Permanent(exc.message, code=exc.code) from exc


def _container(head: bytes) -> Container:
    """Return the container that starts with these bytes, whatever the file is called; raises InvalidInput."""
    match sniff(head):
        case Container() as container:
            return container
        case None:
            raise _not_audio("The file's bytes are no audio of a supported format.")
        case other:
            raise _not_audio(other.message)


def _not_audio(message: str) -> RoomtoneError:
    return InvalidInput(message, code="not_audio")


async def _pieces(samples: bytearray) -> AsyncIterator[bytes]:
    for start in range(0, len(samples), _PIECE):
        await asyncio.sleep(0)  # measuring the levels of hours of silence would block the loop
        yield bytes(samples[start : start + _PIECE])
