"""Which transcriber and which scorer there are: OpenAI's with a key, otherwise our own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.analyzer.score.local import LocalScorer
from services.analyzer.score.protocol import Scorer
from services.analyzer.settings import AnalyzerSettings
from services.analyzer.transcribe.moonshine import open_moonshine
from services.analyzer.transcribe.protocol import Transcriber


@asynccontextmanager
async def open_models(settings: AnalyzerSettings) -> AsyncIterator[tuple[Transcriber, Scorer]]:
    """Open both; nothing is asked of either before the first recording."""
    if settings.openai_api_key is None:
        async with open_moonshine(deadline=settings.model_deadline_seconds) as transcriber:
            yield transcriber, LocalScorer()
        return
    # Only here, since the SDK costs 50 MB and most of a second.
    from services.analyzer.openai_client import open_client  # noqa: PLC0415
    from services.analyzer.score.openai import OpenAIScorer  # noqa: PLC0415
    from services.analyzer.transcribe.openai import OpenAITranscriber  # noqa: PLC0415

    key = settings.openai_api_key.get_secret_value()
    deadline = settings.model_deadline_seconds
    async with open_client(key, settings.openai_base_url, retries=settings.openai_retries) as client:
        yield (
            OpenAITranscriber(client, settings.openai_transcribe_model, deadline=deadline),
            OpenAIScorer(client, settings.openai_score_model, deadline=deadline),
        )
