import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analyzer.openai_api.errors import UnreadableAnswer
from services.analyzer.score.judge.evidence import holding
from services.analyzer.score.judge.judgement import GradeName, JudgedEvidence, Judgement, parse_judgement
from services.analyzer.score.judge.prompt import judgement_schema
from services.analyzer.score.judge.scale import temperature_of
from services.analyzer.score.judge.verdict import Judged, verdict
from shared.domain.analysis import Analysis, Evidence, TimelineWindow, TranscriptLine

LINES = [
    TranscriptLine(start=0, end=20, text="Good morning."),
    TranscriptLine(start=65, end=85, text="You never listen to me, this is YOUR fault.", channel="customer"),
]
TRUE = JudgedEvidence(line=1, quote="this is your fault", reason=GradeName.HOSTILITY)
INVENTED = JudgedEvidence(line=0, quote="I will kill you", reason=GradeName.HOSTILITY)
HEATS = {0: 0.05, 1: 0.65}  # what the words' model gives lines like them
THREAT = Evidence(start=30, end=32, channel=None, quote="you will regret it", reason="threat")
WINDOW = TimelineWindow(start=0, end=10, temperature=30)
LOCAL = Analysis(
    temperature=30, confidence=0.8, summary="local", scorer="local-2", timeline=(WINDOW,), silence_seconds=45.0
)
GRADES = tuple(GradeName)
HEATING = GRADES[:4]
grades = st.fixed_dictionaries(dict.fromkeys(GRADES, st.integers(0, 4)))
everything_quoted = tuple(JudgedEvidence(line=1, quote="your fault", reason=name) for name in GRADES)


def judged_with(
    heats: Mapping[int, float], local: Analysis | None, *evidence: JudgedEvidence, **graded: int
) -> Analysis:
    judgement = Judgement.model_validate({"evidence": evidence} | dict.fromkeys(GRADES, 0) | graded)
    return verdict(Judged(judgement, LINES, holding(evidence, LINES), heats), local, scorer="openai/x")


def judged_beside(local: Analysis, *evidence: JudgedEvidence, **graded: int) -> Analysis:
    return judged_with(HEATS, local, *evidence, **graded)


def judged(*evidence: JudgedEvidence, **graded: int) -> Analysis:
    return judged_beside(LOCAL, *evidence, **graded)


def local_way(temperature: int, *evidence: Evidence) -> Analysis:
    return Analysis(temperature=temperature, confidence=0.8, summary="", scorer="l", evidence=evidence)


@given(graded=grades, name=st.sampled_from(HEATING), quoted=st.booleans(), local=st.integers(1, 100))
def test_a_higher_grade_never_gives_a_lower_temperature(
    graded: dict[str, int], name: str, *, quoted: bool, local: int
) -> None:
    higher = graded | {name: min(4, graded[name] + 1)}
    evidence = everything_quoted if quoted else ()
    beside = local_way(local, THREAT)
    one, other = (judged_beside(beside, *evidence, **some).temperature for some in (graded, higher))
    assert 1 <= one <= other <= 100


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
    analysis = judged_beside(local_way(local), **graded)
    assert analysis.temperature <= max(local, temperature_of(dict.fromkeys(HEATING, 1), 0))


def test_grades_that_are_not_proven_are_named_as_such_and_not_as_0() -> None:
    summary = judged(TRUE, hostility=3, raised_stakes=4).summary
    assert "hostility 3, raised stakes 4 (not proven), interruption 0, " in summary
    assert summary.endswith("What is not proven counts as 1, or for what the local scorer finds if that is more.")
    alone = judged_with({}, None, TRUE, hostility=3, raised_stakes=4).summary
    assert alone.endswith("What is not proven counts as 1.")
    assert "proven" not in judged(TRUE, hostility=3).summary


def test_of_several_grades_those_that_are_proven_count() -> None:
    proven = judged(TRUE, hostility=3)
    analysis = judged(TRUE, hostility=3, raised_stakes=4)
    assert proven.temperature <= analysis.temperature < proven.temperature + 3
    assert analysis.reason_codes == ("hostility", "unproven")
    assert analysis.confidence < proven.confidence


def test_a_quote_without_a_grade_speaks_for_the_hottest_that_has_none() -> None:
    nameless = JudgedEvidence(line=1, quote="your fault")
    one = judged(nameless, hostility=3, raised_stakes=4)
    assert [item.reason for item in one.evidence] == ["raised_stakes"]
    assert one.reason_codes == ("raised_stakes", "unproven")
    two = judged(nameless, TRUE.model_copy(update={"reason": None}), hostility=3, raised_stakes=4)
    assert two.reason_codes == ("hostility", "raised_stakes")
    beside_a_named_one = judged(nameless, TRUE, hostility=3, raised_stakes=2)
    assert beside_a_named_one.reason_codes == ("hostility", "raised_stakes")


@pytest.mark.parametrize("reason", [None, GradeName.HOSTILITY])
def test_words_that_the_local_rater_finds_calm_prove_no_hostility(reason: GradeName | None) -> None:
    greeting = JudgedEvidence(line=0, quote="good morning", reason=reason)
    analysis = judged_beside(local_way(3), greeting, hostility=4)
    assert analysis.temperature == temperature_of({GradeName.HOSTILITY: 1}, 0)
    assert analysis.reason_codes == ("unproven",)
    assert "hostility 4 (not proven)" in analysis.summary
    assert analysis.evidence == ()
    assert analysis.confidence == 0
    assert analysis.needs_review


@pytest.mark.parametrize(("heat", "counts"), [(0.0, 1), (0.19, 1), (0.2, 2), (0.3, 3), (0.5, 4), (1.0, 4)])
def test_a_quote_proves_one_grade_more_than_its_line_says_to_the_local_rater(heat: float, counts: int) -> None:
    analysis = judged_with({1: heat}, local_way(1), TRUE, hostility=4)
    assert analysis.temperature == temperature_of({GradeName.HOSTILITY: counts}, 0)


def test_of_several_quotes_the_one_that_says_most_counts() -> None:
    greeting = JudgedEvidence(line=0, quote="good morning", reason=GradeName.HOSTILITY)
    assert judged(greeting, TRUE, hostility=4).temperature == judged(TRUE, hostility=4).temperature


def test_calming_words_need_not_be_hot() -> None:
    calming = JudgedEvidence(line=0, quote="good morning", reason=GradeName.DEESCALATION)
    assert judged(TRUE, calming, hostility=3, deescalation=4).temperature < judged(TRUE, hostility=3).temperature


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
    analysis = judged_beside(local_way(local), *everything_quoted, hostility=3, raised_stakes=3)
    assert 60 <= analysis.temperature <= 70
    assert analysis.needs_review is reviewed


def test_the_gap_is_to_what_the_model_claims_proven_or_not() -> None:
    assert judged(**dict.fromkeys(HEATING, 4)).needs_review


def test_a_grade_that_is_proven_in_part_says_how_far() -> None:
    analysis = judged_with({1: 0.3}, local_way(40), TRUE, hostility=4)
    assert "hostility 4 (proven: 3)" in analysis.summary
    assert analysis.reason_codes == ("hostility", "unproven")


def test_a_quote_for_a_grade_of_0_is_not_shown() -> None:
    other = TRUE.model_copy(update={"reason": GradeName.INTERRUPTION})
    assert [item.reason for item in judged(TRUE, other, hostility=3).evidence] == ["hostility"]


@pytest.mark.parametrize("calming", [0, 4])
def test_grades_of_0_do_not_cool_a_threat_that_the_local_way_quotes(calming: int) -> None:
    soothing = JudgedEvidence(line=0, quote="good morning", reason=GradeName.DEESCALATION)
    analysis = judged_beside(local_way(90, THREAT), soothing, deescalation=calming)
    assert analysis.temperature == 67
    assert analysis.reason_codes == ("threat", "disputed")
    assert THREAT in analysis.evidence
    assert "The local scorer finds threat: “you will regret it” at 0:30." in analysis.summary
    assert analysis.needs_review


@given(graded=grades, local=st.integers(1, 100))
def test_the_temperature_is_never_much_below_what_the_local_way_quotes(graded: dict[str, int], local: int) -> None:
    insult = replace(THREAT, reason="insult")
    for least, evidence in ((0.75, THREAT), (0.6, insult)):
        analysis = judged_beside(local_way(local, evidence), *everything_quoted, **graded)
        assert analysis.temperature >= int(least * local)
        assert ("disputed" in analysis.reason_codes) is (
            analysis.temperature > judged_beside(local_way(local), *everything_quoted, **graded).temperature
        )


@pytest.mark.parametrize(
    "evidence",
    [
        (),
        (replace(THREAT, reason="raised_voice"),),
        (replace(THREAT, reason="apology"),),
        (replace(THREAT, quote=""),),
    ],
)
def test_a_local_heat_without_hot_words_does_not_hold_the_temperature_up(evidence: tuple[Evidence, ...]) -> None:
    analysis = judged_beside(local_way(60, *evidence))
    assert (analysis.temperature, analysis.reason_codes, analysis.needs_review) == (1, (), True)


def test_a_language_that_the_local_way_does_not_speak_is_judged_alone() -> None:
    analysis = judged_with({}, None, TRUE, hostility=4)
    assert analysis.temperature >= 75
    assert not analysis.needs_review
    assert judged_with({}, None, **dict.fromkeys(HEATING, 4)).temperature < 30


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
