import pytest

from services.analyzer.score.words.calming import calming_kinds


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("I’m so sorry about that, let me put it right.", ("apology",)),
        ("We apologise for the delay.", ("apology",)),
        ("Forgive me, I picked up the wrong coat.", ("apology",)),
        ("Let's take a breath and look at the list.", ("de_escalation",)),
        ("You have every right to be angry, and I'm sorry I was late.", ("apology", "de_escalation")),
        ("Nobody is going to hurt you, little one.", ("de_escalation",)),
    ],
)
def test_words_that_cool_are_named(text: str, kinds: tuple[str, ...]) -> None:
    assert calming_kinds(text) == kinds


@pytest.mark.parametrize(
    "text",
    [
        "I'm so sorry for your loss.",
        "I'm sorry for her, she worked so hard.",
        "Nobody is going to hurt you if you pay.",
        "I'm sorry I came, but you were worse.",
        "The calm sea lay in front of us.",
    ],
)
def test_condolence_conditions_and_turns_do_not_cool(text: str) -> None:
    assert calming_kinds(text) == ()
