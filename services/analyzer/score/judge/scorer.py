"""A scorer that asks a language model over OpenAI's API, beside the local way; the same for each server that speaks it.

The outcomes of asking (docs/adr/0021):

a judgement                                   the verdict of judgement, quotes and local way
an answer that can't be read                  asked once more, then the local way
a refusal, of the model or of this request    the local way
the day's budget is used up                   the local way
away, busy, slow                              ScoreUnfinished, with the local way's as the last try's
the key, the address or the model is wrong    Permanent: the operator must see it

All of it together, waiting for a slot, the SDK's retries and the second answer too, takes one deadline at most.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import structlog

from services.analyzer.openai_api.errors import BudgetReached, RequestRefused, UnreadableAnswer
from services.analyzer.openai_api.service import ModelService
from services.analyzer.score.english import seems_english
from services.analyzer.score.judge.evidence import Quote, holding
from services.analyzer.score.judge.judgement import Judgement, parse_judgement
from services.analyzer.score.judge.prompt import judgement_schema, messages_about, newest
from services.analyzer.score.judge.verdict import BUDGET_REACHED, Judged, judged_locally, verdict
from services.analyzer.score.protocol import Scorer, ScoreUnfinished, TranscribedRecording
from services.analyzer.score.words.lexicon_rater import LexiconWords
from services.analyzer.score.words.protocol import WordsRater
from shared.domain.analysis import LANGUAGE_NOT_SUPPORTED, Analysis, TranscriptLine
from shared.domain.errors import Unavailable

log = structlog.stdlib.get_logger(__name__)

_UNDETERMINED = "und"  # BCP 47
_TRIES = 2  # for an answer that can be read
_CONTEXT = 3  # lines on each side of a quoted one that it is rated with


class JudgeScorer:
    """Scores a recording by a language model's evidence and grades; the local way runs too, to compare with.

    `words` rates the lines that the model quotes. The local way speaks English only; what it says of other languages is
    taken where there is no judgement. `deadline` in seconds is for everything that is asked about one recording.
    """

    def __init__(self, service: ModelService, model: str, *, local: Scorer, words: WordsRater, deadline: float) -> None:
        self._service = service
        self._model = model
        self._local = local
        self._words = words
        self._deadline = deadline
        self._name = f"openai/{model}"

    async def score(self, recording: TranscribedRecording) -> Analysis:
        """Return the analysis; without speech, or words that were understood, nothing is asked. Raises as above."""
        recording = _with_language(recording)
        local = await self._local.score(recording)
        if not recording.lines or recording.foreign:
            return local
        beside = None if LANGUAGE_NOT_SUPPORTED in local.reason_codes else local
        try:
            judged = await self._judged(newest(recording.lines), understood=beside is not None)
        except BudgetReached:
            return judged_locally(local, BUDGET_REACHED)
        except (RequestRefused, UnreadableAnswer) as exc:
            log.warning("judged locally", code=exc.code)
            return judged_locally(local)
        except Unavailable as exc:
            raise ScoreUnfinished(exc.message, code=exc.code, fallback=judged_locally(local)) from None
        if judged is None:
            log.warning("judged locally", code="model_declined")
            return judged_locally(local)
        return verdict(judged, beside, scorer=self._name)

    async def _judged(self, lines: Sequence[TranscriptLine], *, understood: bool) -> Judged | None:
        """Return the judgement with its quotes that hold, None if the model declined.

        Raises UnreadableAnswer for the second answer that can't be read.
        """
        judgement = await self._ask(lines)
        if judgement is None:
            return None
        quotes = holding(judgement.evidence, lines)
        return Judged(judgement, lines, quotes, await self._heats(lines, quotes) if understood else {})

    async def _heats(self, lines: Sequence[TranscriptLine], quotes: Sequence[Quote]) -> dict[int, float]:
        """Return the heat of each quoted line; none if a lexicon rates, to which much of what is hostile is calm."""
        heats: dict[int, float] = {}
        for line in {quote.line for quote in quotes}:
            first = max(0, line - _CONTEXT)
            ratings = await self._words.rate([item.text for item in lines[first : line + _CONTEXT + 1]])
            heats[line] = ratings[line - first].heat
        return {} if self._words.name == LexiconWords.name else heats

    async def _ask(self, lines: Sequence[TranscriptLine]) -> Judgement | None:
        """Return the judgement, None if the model declined; raises UnreadableAnswer for the second such answer."""
        end = asyncio.get_running_loop().time() + self._deadline
        for _ in range(_TRIES - 1):
            try:
                return await self._ask_once(lines, end)
            except UnreadableAnswer:
                log.warning("the judge's answer can't be read: it is asked once more")
        return await self._ask_once(lines, end)

    async def _ask_once(self, lines: Sequence[TranscriptLine], end: float) -> Judgement | None:
        left = max(end - asyncio.get_running_loop().time(), 0.0)
        body = await self._service.complete(
            messages_about(lines), model=self._model, schema=judgement_schema(), timeout=left
        )
        return parse_judgement(body)


def _with_language(recording: TranscribedRecording) -> TranscribedRecording:
    """Return the recording, its language undetermined if the transcriber does not say and it does not seem English."""
    if recording.transcript.language is not None or seems_english(line.text for line in recording.lines):
        return recording
    return replace(recording, transcript=replace(recording.transcript, language=_UNDETERMINED))
