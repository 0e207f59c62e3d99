"""The scorer that needs no account: words by lexicon and phrases, loudness by the recording's own measure."""

import asyncio

from services.analyzer.score.findings import reason_codes, score_lines, speech_seconds
from services.analyzer.score.fusion import confidence, temperature
from services.analyzer.score.protocol import Score, TranscribedRecording
from services.analyzer.score.summary import no_speech, summarize

_NAME = "local-1"


class LocalScorer:
    """An uncalibrated score from what was said and how loud; English only."""

    async def score(self, recording: TranscribedRecording) -> Score:
        """Return the score; never fails."""
        return await asyncio.to_thread(score_locally, recording)  # an hour's transcript costs half a second


def score_locally(recording: TranscribedRecording) -> Score:
    """Score a recording: a pure function of its lines and levels."""
    if not recording.lines:
        return no_speech(_NAME)
    findings = score_lines(recording)
    features = [finding.features for finding in findings]
    heat = temperature(features)
    return Score(
        temperature=heat,
        confidence=confidence(features, speech_seconds(findings)),
        summary=summarize(heat, findings),
        reason_codes=reason_codes(findings),
        scorer=_NAME,
    )
