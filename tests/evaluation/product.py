"""What is measured: the analyzer's own code in this process, or a running server."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx
import numpy as np
from pydantic import TypeAdapter

from services.analyzer.audio_piece import AudioPiece
from services.analyzer.local_analyzer import analyze_content, file_analyzer, open_local
from services.analyzer.score.protocol import Scorer, TranscribedRecording
from services.analyzer.score.sound.protocol import BAND_EDGES, FRAMES_PER_SECOND, ChannelSound, SoundFrames
from services.analyzer.transcribe.protocol import Heard, Transcriber
from services.analyzer.transcribe.voice import VoiceDetector
from shared.domain.analysis import Analysis, Transcript, TranscriptLine
from tests.evaluation.dialogues import Line
from tests.evaluation.speech.cache import ROOT, ContentCache
from tests.evaluation.speech.samples import Samples, as_wav

_PACE = 2.6  # words a second of a line whose times are made up
_PAUSE = 0.4
_LEVEL = -30.0  # dBFS
_QUIET = -80.0
_PITCH = 14.0  # semitones above 55 Hz: 123 Hz

_HEARD = TypeAdapter(Heard)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What came back for one conversation; `channels` is None where the answer does not tell of them."""

    temperature: int
    confidence: float
    reason_codes: tuple[str, ...]
    scorer: str
    lines: tuple[str, ...] = ()
    channels: tuple[dict[str, Any], ...] | None = None


class Product(Protocol):
    """Reads conversations as text, listens to them as sound."""

    async def read(self, lines: Sequence[Line]) -> Reading:
        """Return the reading of a transcript, as if its words had been heard in an even voice."""

    async def listen(self, samples: Samples) -> Reading:
        """Return the reading of a recording of one or two channels."""


class InProcess:
    """The analyzer's use cases with its local models."""

    def __init__(self, transcriber: Transcriber, scorer: Scorer, voice: VoiceDetector) -> None:
        self._scorer = scorer
        self._files = file_analyzer(transcriber, scorer, voice)

    async def read(self, lines: Sequence[Line]) -> Reading:
        recording = in_even_voice(lines)
        return _reading(recording, await self._scorer.score(recording))

    async def listen(self, samples: Samples) -> Reading:
        result = await analyze_content(self._files, as_wav(samples))
        return _reading(result.recording, result.analysis)


def in_even_voice(lines: Sequence[Line]) -> TranscribedRecording:
    """Return lines as if they had been heard one after another in an even voice, without any doubt."""
    timed, end = [], 0.0
    for line in lines:
        seconds = max(len(line.text.split()) / _PACE, 0.5)
        timed.append(TranscriptLine(start=end, end=end + seconds, text=line.text))
        end += seconds + _PAUSE
    frames = _even_sound(timed, int(end * FRAMES_PER_SECOND))
    transcript = Transcript(language="en", engine="text", segments=tuple(timed))
    return TranscribedRecording(transcript, (1.0,) * len(timed), (ChannelSound(None, frames),), end)


def _even_sound(lines: Sequence[TranscriptLine], count: int) -> SoundFrames:
    """Return the sound of a voice that says each line alike, and of quiet between them."""
    speaks = np.zeros(count, np.bool_)
    for line in lines:
        speaks[int(line.start * FRAMES_PER_SECOND) : int(line.end * FRAMES_PER_SECOND)] = True
    bands = np.tile(np.where(speaks, _LEVEL - 10, _QUIET)[:, np.newaxis], (1, len(BAND_EDGES) - 1))
    return SoundFrames(
        levels=np.where(speaks, _LEVEL, _QUIET).astype(np.float32),
        pitch=np.where(speaks, _PITCH, np.nan).astype(np.float32),
        voicing=np.where(speaks, 0.9, 0.0).astype(np.float32),
        clipped=np.zeros(count, np.float32),
        bands=bands.astype(np.float16),
    )


class CachedTranscriber:
    """A transcriber that keeps what it heard, by the samples and by the recogniser's code."""

    def __init__(self, transcriber: Transcriber, cache: ContentCache) -> None:
        self._transcriber = transcriber
        self._cache = cache
        self._version = _code_of("transcribe")

    @property
    def name(self) -> str:
        return self._transcriber.name

    @property
    def longest_piece_seconds(self) -> float:
        return self._transcriber.longest_piece_seconds

    @property
    def pause_seconds(self) -> float:
        return self._transcriber.pause_seconds

    @property
    def languages(self) -> Sequence[str]:
        return self._transcriber.languages

    async def transcribe(self, piece: AudioPiece) -> Heard:
        made_from = (self.name, self._version, hashlib.sha256(piece.pcm).hexdigest(), str(piece.speech))
        content = self._cache.get(*made_from)
        if content is None:
            content = _HEARD.dump_json(await self._transcriber.transcribe(piece))
            self._cache.put(content, *made_from)
        return _HEARD.validate_json(content)


class Server:
    """A running server, asked by `POST /analyze-audio`; texts are read by the code in this process."""

    def __init__(self, client: httpx.AsyncClient, texts: Product) -> None:
        self._client = client
        self._texts = texts

    async def read(self, lines: Sequence[Line]) -> Reading:
        return await self._texts.read(lines)

    async def listen(self, samples: Samples) -> Reading:
        form = {"audio": ("recording.wav", as_wav(samples))}
        response = await self._client.post("/analyze-audio", params={"detail": "true"}, files=form)
        response.raise_for_status()
        body = response.json()
        return Reading(
            temperature=body["temperature"],
            confidence=body["confidence"],
            reason_codes=tuple(body["reason_codes"]),
            scorer=body["scorer"],
            lines=tuple(segment["text"] for segment in body["segments"]),
        )


@asynccontextmanager
async def open_product(url: str | None = None, cache: Path = ROOT) -> AsyncIterator[Product]:
    """Open what is measured: the code in this process, or also the server at `url`; transcripts go to `cache`."""
    async with open_local() as (transcriber, scorer, voice):
        cached = CachedTranscriber(transcriber, ContentCache("transcripts", cache))
        product: Product = InProcess(cached, scorer, voice)
        if url is None:
            yield product
            return
        async with httpx.AsyncClient(base_url=url, timeout=600) as client:
            yield Server(client, product)


def _reading(recording: TranscribedRecording, analysis: Analysis) -> Reading:
    return Reading(
        temperature=analysis.temperature,
        confidence=analysis.confidence,
        reason_codes=analysis.reason_codes,
        scorer=analysis.scorer,
        lines=tuple(line.text for line in recording.lines),
        channels=tuple(asdict(channel) for channel in analysis.channels),
    )


def _code_of(package: str) -> str:
    folder = Path(__file__).parents[2] / "services" / "analyzer" / package
    contents = [path.read_bytes() for path in sorted(folder.rglob("*.py"))]
    return hashlib.sha256(b"".join(contents)).hexdigest()
