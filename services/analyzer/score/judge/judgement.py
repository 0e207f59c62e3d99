"""A language model's answer about a conversation: evidence and grades.

The model gives evidence and grades; this package makes the temperature and the summary. So the scale is ours, and of
what the model writes, or a caller makes it write, only quotes are shown that are really in the transcript.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.analyzer.openai_api.errors import UnreadableAnswer

HIGHEST_GRADE = 4
NOTABLE = 2  # the lowest grade that needs evidence and gives a reason code
_MOST_EVIDENCE = 20  # items that are read; the instructions ask for five


class GradeName(StrEnum):
    """What is graded; each name but the last is also a reason code."""

    HOSTILITY = "hostility"
    RAISED_STAKES = "raised_stakes"
    INTERRUPTION = "interruption"
    UNRESOLVED_DISAGREEMENT = "unresolved_disagreement"
    DEESCALATION = "deescalation"


Grade = Annotated[int, Field(ge=0, le=HIGHEST_GRADE, strict=True)]


class JudgedEvidence(BaseModel):
    """A line's number, counted from 0, a quote from that line, and the grade that it speaks for.

    Servers that do not enforce the schema may leave the grade out; the quote then speaks for one of them.
    """

    model_config = ConfigDict(extra="forbid")
    line: Annotated[int, Field(strict=True)]
    quote: str
    reason: GradeName | None = None


class Judgement(BaseModel):
    """The model's answer: evidence, then grades from 0 to 4.

    Evidence comes first, since what a model writes first guides what it writes next.
    """

    model_config = ConfigDict(extra="forbid")
    evidence: Annotated[tuple[JudgedEvidence, ...], Field(max_length=_MOST_EVIDENCE)]
    hostility: Grade
    raised_stakes: Grade
    interruption: Grade
    unresolved_disagreement: Grade
    deescalation: Grade

    def grade(self, name: GradeName) -> int:
        """Return one of the grades."""
        return int(getattr(self, name))

    @property
    def heating(self) -> dict[GradeName, int]:
        """The grades that raise the temperature."""
        return {name: self.grade(name) for name in GradeName if name is not GradeName.DEESCALATION}


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Completion(BaseModel):
    choices: Annotated[tuple[_Choice, ...], Field(min_length=1)]


def parse_judgement(body: str) -> Judgement | None:
    """Return the judgement in the body of a chat completion, None if the model declined to judge.

    Raises UnreadableAnswer for anything else: cut off, empty, no JSON, another schema.
    """
    try:
        choice = _Completion.model_validate_json(body).choices[0]
        if choice.message.refusal is not None or choice.finish_reason == "content_filter":
            return None
        if choice.finish_reason == "length":
            raise UnreadableAnswer
        return Judgement.model_validate_json(choice.message.content or "")
    except ValidationError:
        raise UnreadableAnswer from None
