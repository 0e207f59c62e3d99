from itertools import pairwise

import pytest

from services.analyzer.score.words.lexicon import line_sentiment

LADDER = [
    "Thank you, that was very kind of you.",
    "I would like to know when it arrives.",
    "I do not agree with this answer, it is a bad policy.",
    "This is ridiculous, I am really frustrated.",
    "I want to speak to your manager.",
    "You never listen, this is your fault.",
    "You are useless and incompetent.",
    "I will destroy you, and I know where you live.",
]


def test_lines_that_people_would_rank_come_out_in_that_order() -> None:
    hostility = [line_sentiment(line).hostility for line in LADDER]
    assert all(milder <= harsher for milder, harsher in pairwise(hostility))
    assert hostility[0] == 0.0
    assert hostility[-1] == 1.0


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("I'm going to hurt you.", "threat"),
        ("Shut up, you idiot!", "insult"),
        ("Get me your supervisor.", "demand"),
        ("How dare you!", "blame"),
        ("What the hell is this?", "profanity"),
        ("I am so fed up with it.", "frustration"),
        ("It was a terrible and horrible day.", "negative_words"),
    ],
)
def test_the_reason_is_named_by_its_kind(line: str, code: str) -> None:
    assert line_sentiment(line).codes == (code,)


@pytest.mark.parametrize(
    "line",
    [
        "Good morning, how can I help you today?",
        "I will end the call now, have a good day.",
        "Let me find your order.",
        "The manager is very helpful.",
        "",
    ],
)
def test_everyday_lines_give_no_reason(line: str) -> None:
    assert line_sentiment(line).codes == ()


@pytest.mark.parametrize(
    ("said", "negated"),
    [
        ("I am so angry with you.", "I am not angry with you."),
        ("You are an idiot.", "Nobody said idiot."),
        ("This is unacceptable.", "This isn't unacceptable."),
    ],
)
def test_a_negated_phrase_is_milder(said: str, negated: str) -> None:
    assert line_sentiment(negated).hostility < line_sentiment(said).hostility / 2


def test_bad_news_is_not_hostility() -> None:
    assert (
        line_sentiment("My father died last week, it is so sad.").hostility
        < line_sentiment("You are useless.").hostility / 2
    )


def test_curly_apostrophes_are_read_like_straight_ones() -> None:
    assert line_sentiment("I’m furious.") == line_sentiment("I'm furious.")
    assert "frustration" in line_sentiment("I’m furious.").codes


def test_a_joyful_line_is_cheerful_and_not_hostile() -> None:
    wording = line_sentiment("This is amazing, I am so happy, thank you!")
    assert wording.hostility == 0
    assert wording.cheerfulness > 0.5
