import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analyzer.openai_api.errors import UnreadableAnswer
from services.analyzer.score.judge.judgement import GradeName, JudgedEvidence, Judgement, parse_judgement
from services.analyzer.score.judge.prompt import judgement_schema
from services.analyzer.score.judge.verdict import verdict
from shared.domain.analysis import Analysis, TimelineWindow, TranscriptLine

LINES = [
    TranscriptLine(start=0, end=20, text="Good morning."),
    TranscriptLine(start=65, end=85, text="You never listen to me, this is YOUR fault.", channel="customer"),
]
TRUE = JudgedEvidence(line=1, quote="this is your fault", reason=GradeName.HOSTILITY)
INVENTED = JudgedEvidence(line=0, quote="I will kill you", reason=GradeName.HOSTILITY)
WINDOW = TimelineWindow(start=0, end=10, temperature=30)
LOCAL = Analysis(
    temperature=30, confidence=0.8, summary="local", scorer="local-2", timeline=(WINDOW,), silence_seconds=45.0
)
GRADES = tuple(GradeName)
HEATING = GRADES[:4]
grades = st.fixed_dictionaries(dict.fromkeys(GRADES, st.integers(0, 4)))
everything_quoted = tuple(JudgedEvidence(line=1, quote="your fault", reason=name) for name in GRADES)


def judgement(*evidence: JudgedEvidence, **graded: int) -> Judgement:
    return Judgement.model_validate({"evidence": evidence} | dict.fromkeys(GRADES, 0) | graded)


def judged_beside(local: Analysis | None, *evidence: JudgedEvidence, **graded: int) -> Analysis:
    return verdict(judgement(*evidence, **graded), LINES, local, scorer="openai/x")


def judged(*evidence: JudgedEvidence, **graded: int) -> Analysis:
    return judged_beside(LOCAL, *evidence, **graded)


def test_the_ends_of_the_scale_are_reached() -> None:
    assert judged(deescalation=4).temperature == 1
    assert judged(*everything_quoted, **dict.fromkeys(HEATING, 4)).temperature == 100


@given(graded=grades, name=st.sampled_from(HEATING))
def test_a_higher_grade_never_gives_a_lower_temperature(graded: dict[str, int], name: str) -> None:
    higher = graded | {name: min(4, graded[name] + 1)}
    one, other = (judged(*everything_quoted, **some).temperature for some in (graded, higher))
    assert 1 <= one <= other <= 100


@given(graded=grades)
def test_deescalation_never_heats(graded: dict[str, int]) -> None:
    calmed = graded | {"deescalation": 4}
    assert judged(*everything_quoted, **calmed).temperature <= judged(*everything_quoted, **graded).temperature


def test_evidence_has_the_time_the_channel_and_the_words_of_its_line() -> None:
    analysis = judged(TRUE, hostility=3)
    (item,) = analysis.evidence
    assert (item.start, item.end, item.channel) == (65, 85, "customer")
    assert (item.quote, item.reason) == ("this is YOUR fault", "hostility")
    assert "“this is YOUR fault” at 1:05" in analysis.summary


def test_timeline_and_silence_are_the_local_ways() -> None:
    analysis = judged(TRUE, hostility=3)
    assert (analysis.timeline, analysis.silence_seconds, analysis.scorer) == ((WINDOW,), 45.0, "openai/x")


def test_high_grades_without_any_evidence_count_for_what_the_local_way_finds() -> None:
    analysis = judged(**dict.fromkeys(HEATING, 4))
    assert analysis.temperature == LOCAL.temperature
    assert analysis.reason_codes == ("unproven",)


@given(graded=grades, local=st.integers(1, 100))
def test_grades_without_proof_never_exceed_the_local_way_unless_they_are_low(
    graded: dict[str, int], local: int
) -> None:
    analysis = judged_beside(Analysis(temperature=local, confidence=0.5, summary="", scorer="l"), **graded)
    assert analysis.temperature <= max(local, judged(**dict.fromkeys(HEATING, 1)).temperature)


def test_of_several_grades_those_that_are_proven_count() -> None:
    proven = judged(TRUE, hostility=3)
    analysis = judged(TRUE, hostility=3, raised_stakes=4)
    assert analysis.temperature == max(proven.temperature, LOCAL.temperature)
    assert analysis.reason_codes == ("hostility", "unproven")
    assert analysis.confidence < proven.confidence


def test_a_quote_without_a_grade_speaks_for_all_of_them() -> None:
    analysis = judged(JudgedEvidence(line=1, quote="your fault"), hostility=3, raised_stakes=4)
    assert analysis.reason_codes == ("hostility", "raised_stakes")
    assert [item.reason for item in analysis.evidence] == ["raised_stakes"]


def test_invented_quotes_are_not_shown_and_lower_the_confidence_in_proportion() -> None:
    true = judged(TRUE, hostility=3)
    mixed = judged(TRUE, INVENTED, INVENTED, INVENTED, hostility=3)
    assert "kill" not in mixed.summary
    assert mixed.temperature == true.temperature
    assert mixed.confidence == pytest.approx(true.confidence / 4, abs=0.01)


def test_calm_talk_needs_no_evidence() -> None:
    analysis = judged(hostility=1, deescalation=3)
    assert analysis.reason_codes == ()
    assert analysis.confidence > 0.7


@pytest.mark.parametrize(("local", "reviewed"), [(15, True), (50, False)])
def test_two_ways_that_differ_by_more_than_25_need_review(local: int, *, reviewed: bool) -> None:
    other = Analysis(temperature=local, confidence=0.8, summary="", scorer="l")
    analysis = judged_beside(other, *everything_quoted, hostility=4, raised_stakes=3)
    assert 50 <= analysis.temperature <= 60
    assert analysis.needs_review is reviewed


def test_the_gap_is_to_what_the_model_claims_proven_or_not() -> None:
    assert judged(**dict.fromkeys(HEATING, 4)).needs_review


def test_a_language_that_the_local_way_does_not_speak_is_judged_alone() -> None:
    analysis = judged_beside(None, TRUE, hostility=4)
    assert analysis.temperature > 30
    assert not analysis.needs_review
    assert judged_beside(None, **dict.fromkeys(HEATING, 4)).temperature < 30


def completion(content: object, **more: object) -> str:
    text = content if isinstance(content, str) or content is None else json.dumps(content)
    message = {"role": "assistant", "content": text} | dict(more.pop("message", {}))  # type: ignore[call-overload]
    return json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"} | more]})


ANSWER: dict[str, object] = {"evidence": [], **dict.fromkeys(GRADES, 1)}


def test_a_judgement_is_read_with_or_without_the_grade_of_a_quote() -> None:
    one = {"line": 0, "quote": "good morning"}
    other = one | {"reason": "hostility"}
    read = parse_judgement(completion(ANSWER | {"evidence": [one, other]}))
    assert read is not None
    assert [item.reason for item in read.evidence] == [None, GradeName.HOSTILITY]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        '{"choices": []}',
        completion(None),
        completion(""),
        completion("I would say it is quite heated."),
        completion(ANSWER | {"hostility": 9}),
        completion(ANSWER | {"hostility": "3"}),
        completion(ANSWER | {"hostility": 2.5}),
        completion(ANSWER | {"temperature": 1}),
        completion({"evidence": []}),
        completion(ANSWER | {"evidence": [{"line": 0, "quote": "x", "reason": "because"}]}),
        completion(ANSWER | {"evidence": [{"line": 0, "quote": "x"}] * 1000}),
        completion(ANSWER, finish_reason="length"),
    ],
)
def test_an_answer_of_another_shape_is_not_read(body: str) -> None:
    with pytest.raises(UnreadableAnswer):
        parse_judgement(body)


@pytest.mark.parametrize(
    "body",
    [completion(None, message={"refusal": "I can't."}), completion("", finish_reason="content_filter")],
)
def test_a_refusal_is_no_judgement(body: str) -> None:
    assert parse_judgement(body) is None


def test_the_schema_is_strict_and_names_evidence_first() -> None:
    written = judgement_schema().schema
    assert written["required"] == list(Judgement.model_fields)
    assert written["additionalProperties"] is False
