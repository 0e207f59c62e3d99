import pytest

from services.analyzer.score.words.service_talk import is_service_talk


@pytest.mark.parametrize(
    ("service", "threat"),
    [
        ("I'll trim your beard on Saturday.", "I'll trim your ears on Saturday, you rat, one by one."),
        ("We will close your old account tomorrow.", "We will close your eyes for good tomorrow."),
        ("The plumber is coming to your house at nine.", "I'm coming to your house at nine, and I'm not alone."),
        ("Okay, I can book you on the ferry at noon.", "Okay, I can finish you on the ferry at noon."),
        ("I know your postcode, it is on the letter.", "I know your postcode, so you'd better sleep lightly."),
        ("I will shoot you a quick email.", "I will shoot you if you send that email."),
        ("Your contract has been cancelled.", "Your contract has been cancelled, and you're next."),
        ("My brother will pick your kids up from school.", "My brother will find you when you pick your kids up."),
        ("We'll be watching the match at your place.", "We'll be watching you at your place tonight."),
        ("I am sending a courier this afternoon.", "I am sending my lads this afternoon."),
    ],
)
def test_what_a_desk_will_do_is_told_from_its_hostile_twin(service: str, threat: str) -> None:
    assert is_service_talk(service)
    assert not is_service_talk(threat)


def test_talk_that_goes_on_and_turns_round_is_none() -> None:
    assert not is_service_talk("I'll bring your order today. And don't you dare complain again.")


def test_a_long_sentence_is_not_looked_through() -> None:
    assert not is_service_talk("I'll bring your order today " + "and the next one " * 500)
