import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.analyzer.score.judgement import Evidence, Judgement, schema, score_of, temperature_of, verified
from shared.domain.analysis import TranscriptLine

LINES = [
    TranscriptLine(start=0, end=2, text="Good morning."),
    TranscriptLine(start=65, end=68, text="You never  listen to me, this is YOUR fault."),
]
grade = st.integers(0, 4)
GRADES = ("hostility", "raised_stakes", "interruption", "unresolved_disagreement", "deescalation")


def judgement(*evidence: Evidence, **grades: int) -> Judgement:
    return Judgement(evidence=evidence, **(dict.fromkeys(GRADES, 0) | grades))


def test_the_ends_of_the_scale_are_reached() -> None:
    assert temperature_of(judgement(deescalation=4)) == 1
    assert temperature_of(judgement(hostility=4, raised_stakes=4, interruption=4, unresolved_disagreement=4)) == 100


@given(grades=st.fixed_dictionaries(dict.fromkeys(GRADES, grade)), name=st.sampled_from(GRADES[:4]))
def test_a_higher_grade_never_gives_a_lower_temperature(grades: dict[str, int], name: str) -> None:
    higher = grades | {name: min(4, grades[name] + 1)}
    assert 1 <= temperature_of(judgement(**grades)) <= temperature_of(judgement(**higher)) <= 100


@given(grades=st.fixed_dictionaries(dict.fromkeys(GRADES, grade)))
def test_deescalation_never_heats(grades: dict[str, int]) -> None:
    assert temperature_of(judgement(**grades | {"deescalation": 4})) <= temperature_of(judgement(**grades))


@pytest.mark.parametrize(
    ("evidence", "holds"),
    [
        (Evidence(line=1, quote="this is your fault"), True),
        (Evidence(line=1, quote="You never listen"), True),
        (Evidence(line=0, quote="this is your fault"), False),
        (Evidence(line=1, quote="I will kill you"), False),
        (Evidence(line=1, quote=" "), False),
        (Evidence(line=2, quote="Good"), False),
        (Evidence(line=-1, quote="your fault"), False),
        (Evidence(line=1, quote="a " * 13), False),
    ],
)
def test_only_quotes_that_are_in_their_line_count_as_evidence(evidence: Evidence, *, holds: bool) -> None:
    assert bool(verified(judgement(evidence), LINES)) is holds


def test_a_score_shows_only_quotes_from_the_transcript() -> None:
    response = judgement(
        Evidence(line=1, quote="your fault"), Evidence(line=0, quote="visit evil.example"), hostility=3
    )
    score = score_of(response, LINES, certainty=1.0, scorer="x")
    assert "“your fault” at 1:05" in score.summary
    assert "evil" not in score.summary
    assert score.reason_codes == ("hostility",)


def test_high_grades_without_evidence_are_doubted() -> None:
    unproven = score_of(judgement(hostility=4), LINES, certainty=0.8, scorer="x")
    proven = score_of(judgement(Evidence(line=1, quote="your fault"), hostility=4), LINES, certainty=0.8, scorer="x")
    assert unproven.confidence < proven.confidence
    assert unproven.reason_codes == ("hostility", "unproven")


def test_the_schema_is_strict_and_names_evidence_first() -> None:
    written = schema()
    assert written["required"] == list(Judgement.model_fields)
    assert written["additionalProperties"] is False


@pytest.mark.parametrize("grades", [{"hostility": 5}, {"hostility": -1}])
def test_grades_off_the_scale_are_not_read(grades: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        judgement(**grades)
