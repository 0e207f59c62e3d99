"""The local scorer: words by lexicon and phrases, loudness relative to the recording; it calls no service."""

import asyncio

from services.analyzer.score.findings import reason_codes, score_lines, speech_seconds
from services.analyzer.score.fusion import confidence, temperature
from services.analyzer.score.protocol import TranscribedRecording
from services.analyzer.score.summary import no_speech, summarize
from shared.domain.analysis import Analysis

_NAME = "local-1"


class LocalScorer:
    """Scores a recording from its words and loudness; uncalibrated, English only."""

    async def score(self, recording: TranscribedRecording) -> Analysis:
        """Return the score; never fails."""
        return await asyncio.to_thread(score_locally, recording)  # an hour's transcript costs half a second


def score_locally(recording: TranscribedRecording) -> Analysis:
    """Score a recording; the score depends on its lines and levels alone."""
    if not recording.lines:
        return no_speech(_NAME)
    scored = score_lines(recording)
    features = [item.features for item in scored]
    heat = temperature(features)
    return Analysis(
        temperature=heat,
        confidence=confidence(features, speech_seconds(scored)),
        summary=summarize(heat, scored),
        reason_codes=reason_codes(scored),
        scorer=_NAME,
    )
