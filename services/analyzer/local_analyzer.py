"""The local models without a service around them, for commands and the evaluation."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.analyzer.analyze import AnalysisResult, Analyzer
from services.analyzer.memory_file import memory_file
from services.analyzer.model_process.models import open_local_models
from services.analyzer.one_shot import OneShotAnalyzer
from services.analyzer.score.local import LocalScorer
from services.analyzer.score.protocol import Scorer
from services.analyzer.score.temperature import Thermometer
from services.analyzer.score.words.model_rater import ModelRater
from services.analyzer.transcribe.local_voice import LocalVoiceDetector
from services.analyzer.transcribe.moonshine import MoonshineTranscriber
from services.analyzer.transcribe.protocol import Transcriber
from services.analyzer.transcribe.voice import VoiceDetector
from shared.audio.ffmpeg_process import DecodePolicy
from shared.audio.settings import FFmpegSettings

_DEADLINE = 300.0  # seconds beyond a model's usual time: nobody waits for an answer
_LONGEST = 6 * 3600  # seconds of a file
_CPU_SECONDS = 600
_IDLE_SECONDS = 60.0


@asynccontextmanager
async def open_local() -> AsyncIterator[tuple[Transcriber, Scorer, VoiceDetector]]:
    """Open the local transcriber, the local scorer, uncalibrated, and the voice detector."""
    async with open_local_models(deadline=_DEADLINE) as models:
        yield MoonshineTranscriber(models), LocalScorer(ModelRater(models), Thermometer()), LocalVoiceDetector(models)


def file_analyzer(transcriber: Transcriber, scorer: Scorer, voice: VoiceDetector) -> OneShotAnalyzer:
    """Return the analyzer of whole files that these make, with limits for files of one's own."""
    ffmpeg = FFmpegSettings().ffmpeg()
    policy = DecodePolicy(
        ffmpeg=ffmpeg, max_audio_seconds=_LONGEST, cpu_seconds=_CPU_SECONDS, idle_seconds=_IDLE_SECONDS
    )
    return OneShotAnalyzer(Analyzer(transcriber, scorer, voice), policy)


async def analyze_content(analyzer: OneShotAnalyzer, content: bytes) -> AnalysisResult:
    """Analyze a file's bytes; raises InvalidInput if they are not audio, Permanent for other faults."""
    with memory_file() as file:
        file.add(content)
        return await analyzer.analyze(file)
