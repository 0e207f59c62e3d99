"""A scorer that asks a language model over OpenAI's API, beside the local way; the same for each server that speaks it.

The outcomes of asking (docs/adr/0021):

a judgement                                   the verdict of judgement, quotes and local way
an answer that can't be read                  asked once more, then the local way
a refusal, of the model or of this request    the local way
the day's budget is used up                   the local way
away, busy, slow                              ScoreUnfinished, with the local way's as the last try's
the key, the address or the model is wrong    Permanent: the operator must see it
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from services.analyzer.openai_api.errors import BudgetReached, RequestRefused, UnreadableAnswer
from services.analyzer.openai_api.service import ModelService
from services.analyzer.score.english import seems_english
from services.analyzer.score.judge.judgement import Judgement, parse_judgement
from services.analyzer.score.judge.prompt import judgement_schema, messages_about, newest
from services.analyzer.score.judge.verdict import BUDGET_REACHED, judged_locally, verdict
from services.analyzer.score.protocol import Scorer, ScoreUnfinished, TranscribedRecording
from shared.domain.analysis import Analysis, TranscriptLine
from shared.domain.errors import Unavailable

log = structlog.stdlib.get_logger(__name__)

_LOCAL_LANGUAGES = {"en", None}  # None: not known
_UNDETERMINED = "und"  # BCP 47
_TRIES = 2  # for an answer that can be read


class JudgeScorer:
    """Scores a recording by a language model's evidence and grades; the local way runs too, to compare with.

    The local way speaks English only; what it says of other languages is taken where there is no judgement.
    """

    def __init__(self, service: ModelService, model: str, *, local: Scorer, deadline: float) -> None:
        self._service = service
        self._model = model
        self._local = local
        self._deadline = deadline
        self._name = f"openai/{model}"

    async def score(self, recording: TranscribedRecording) -> Analysis:
        """Return the analysis; a recording without speech needs no request. Raises as the table above says."""
        recording = _with_language(recording)
        local = await self._local.score(recording)
        if not recording.lines:
            return local
        beside = local if recording.transcript.language in _LOCAL_LANGUAGES else None
        lines = newest(recording.lines)
        try:
            judgement = await self._ask(lines)
        except BudgetReached:
            return judged_locally(local, BUDGET_REACHED)
        except (RequestRefused, UnreadableAnswer) as exc:
            log.warning("judged locally", code=exc.code)
            return judged_locally(local)
        except Unavailable as exc:
            raise ScoreUnfinished(exc.message, code=exc.code, fallback=judged_locally(local)) from None
        if judgement is None:
            log.warning("judged locally", code="model_declined")
            return judged_locally(local)
        return verdict(judgement, lines, beside, scorer=self._name)

    async def _ask(self, lines: Sequence[TranscriptLine]) -> Judgement | None:
        """Return the judgement, None if the model declined; raises UnreadableAnswer for the second such answer."""
        for _ in range(_TRIES - 1):
            try:
                return await self._ask_once(lines)
            except UnreadableAnswer:
                log.warning("the judge's answer can't be read: it is asked once more")
        return await self._ask_once(lines)

    async def _ask_once(self, lines: Sequence[TranscriptLine]) -> Judgement | None:
        body = await self._service.complete(
            messages_about(lines), model=self._model, schema=judgement_schema(), timeout=self._deadline
        )
        return parse_judgement(body)


def _with_language(recording: TranscribedRecording) -> TranscribedRecording:
    """Return the recording, its language undetermined if the transcriber does not say and it does not seem English."""
    if recording.transcript.language is not None or seems_english(line.text for line in recording.lines):
        return recording
    return replace(recording, transcript=replace(recording.transcript, language=_UNDETERMINED))
