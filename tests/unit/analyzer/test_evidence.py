from services.analyzer.score.evidence import evidence, reason_codes
from services.analyzer.score.fusion import LineHeat
from services.analyzer.score.sound.protocol import LineSound
from services.analyzer.score.words.protocol import LineWords
from shared.domain.analysis import Evidence, TranscriptLine


def said(at: float, heat: float, *kinds: str, quote: str = "so he said", sound: LineSound | None = None) -> LineHeat:
    line = TranscriptLine(start=at, end=at + 2, text=quote, channel="left")
    return LineHeat(line, LineWords(heat, kinds, quote), sound or LineSound(), heat)


def test_the_hottest_evidence_comes_first_with_time_channel_quote_and_reason() -> None:
    found = evidence([said(0, 0.5, "blame", quote="your fault"), said(4, 0.9, "threat", quote="you will regret it")])
    assert found[0] == Evidence(start=4, end=6, channel="left", quote="you will regret it", reason="threat")
    assert [item.reason for item in found] == ["threat", "blame"]


def test_every_reason_code_has_evidence_of_its_own_for_the_line_that_it_is_strongest_in() -> None:
    heats = [
        said(0, 0.9, "threat", "insult", quote="I will find you"),
        said(2, 0.8, "insult", "blame", quote="all you idiots"),
        said(4, 0.7, "threat", quote="you will see"),
    ]
    assert reason_codes(heats) == ["threat", "insult", "blame"]
    assert [(item.quote, item.reason) for item in evidence(heats)] == [
        ("I will find you", "threat"),
        ("all you idiots", "insult"),
        ("all you idiots", "blame"),
        ("you will see", "threat"),
    ]


def test_a_line_that_took_the_word_is_evidence_of_an_interruption() -> None:
    calm = TranscriptLine(start=3, end=4, text="no wait", channel="left")
    heats = [said(0, 0.5, "blame"), LineHeat(calm, LineWords(0.1), LineSound(), 0.2, interrupts=True)]
    assert reason_codes(heats) == ["blame", "interruptions"]
    assert [(item.start, item.reason) for item in evidence(heats)] == [(0, "blame"), (3, "interruptions")]


def test_each_reason_is_shown_once_before_any_is_shown_twice() -> None:
    heats = [said(n, 0.9 - n / 100, "insult") for n in range(20)] + [said(30, 0.4, "demand")]
    found = evidence(heats)
    assert [item.reason for item in found[:3]] == ["insult", "demand", "insult"]
    assert len(found) == 10


def test_kinds_of_calm_lines_are_no_reasons_and_what_cools_comes_last() -> None:
    heats = [said(0, 0.1, "blame"), said(2, 0.05, "apology"), said(4, 0.6, "sarcasm")]
    assert reason_codes(heats) == ["sarcasm", "apology"]


def test_a_voice_that_is_named_raised_is_a_reason_whatever_was_said() -> None:
    assert reason_codes([said(0, 0.2, sound=LineSound(0.9, codes=("raised_voice",)))]) == ["raised_voice"]
    assert reason_codes([said(0, 0.2, sound=LineSound(0.3))]) == []


def test_nothing_said_has_no_reasons() -> None:
    assert evidence([]) == ()
    assert reason_codes([]) == []
