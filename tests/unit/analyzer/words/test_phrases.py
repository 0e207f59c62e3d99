import pytest

from services.analyzer.score.words.phrases import heat_with_phrases, phrase_heats


def hottest(text: str) -> float:
    return max(phrase_heats(text).values(), default=0.0)


TWINS = [
    ("You'll pay for the tickets at the door.", "You'll pay for this, wait and see."),
    ("I know where you work, so I'll bring the cake there.", "I know where you work."),
    ("Watch your back, there's a step behind you.", "You'd better watch your back."),
    ("I'll get you a chair and a glass of water.", "I'll get you for this."),
    ("You are always so kind to my mother.", "You are always such an absolute liar."),
    ("Nobody in this room would say that you are a fool.", "You are a fool."),
    ("My uncle said, you are a lazy idiot, and off he went.", "You are a lying idiot."),
    ("I'll kill you if you wake the baby, ha ha.", "I'll kill you if you go near the baby."),
    ("You never complain, do you?", "You never listen to me."),
    ("Let me finish my tea, and then we'll go.", "Let me finish."),
    ("Your manager called, he's very pleased.", "Get me your manager."),
    ("You won't be sorry, it's a lovely hotel.", "You'll be sorry."),
    ("I've called four friends, they're all coming.", "I've called you four times about it."),
    ("Nobody thinks I will kill you.", "If it's not paid by noon I will kill you."),
    ("If he calls, I will not hurt you.", "If you don't open up I'm going to hurt you."),
    ("He'll break his leg on that bike.", "My brother will break your legs."),
    ("I was fed up then, but it's long ago.", "I'm so fed up."),
    ("We'll burn your house mix to a disc.", "I'll burn your house down."),
    ("I'll put a small knife in your picnic bag.", "I'll put a small knife in your neck."),
    ("They'll fetch you, we'll put you in a wheelchair to the ward.", "We'll put you in a wheelchair."),
    ("You won't see tomorrow's paper before nine.", "Say that again and you won't see tomorrow."),
    ("I'll cut your tie out of the door.", "I'll cut your tyres."),
    ("I'll burn the candles with you in the garden, that's a nice idea.", "I'll torch the lot with you inside."),
    ("It would be a pity if it rained on your party.", "It would be a pity if something happened to your van."),
    ("I'd hate to see the flowers die.", "I'd hate to see something happen to your dog."),
    ("I'll shoot you a text when I'm there.", "I'll shoot you when I'm there."),
    ("Were you a liar in that play?", "You told me so on Monday, you liar."),
    ("Oh, lovely, another one!", "Oh, lovely, another letter from your office."),
    ("Great timing, the train is just coming.", "Great timing, I've waited since eight."),
    ("That joke was so funny.", "This company is hopeless, and this is a joke."),
]


@pytest.mark.parametrize(("harmless", "hostile"), TWINS)
def test_a_hostile_phrase_is_told_from_its_harmless_twin(harmless: str, hostile: str) -> None:
    assert hottest(harmless) <= 0.3
    assert hottest(hostile) >= 0.5


@pytest.mark.parametrize("beside", ["Is that clear?", "You'd better help her, please.", "I hope you trust me on this."])
def test_words_that_the_angry_say_too_are_no_gladness(beside: str) -> None:
    assert hottest(f"I'm going to kill you. {beside}") == 1.0


def test_plain_gladness_beside_a_phrase_takes_its_heat() -> None:
    assert hottest("I'll kill you, you lovely wonderful woman, I love you!") <= 0.3


@pytest.mark.parametrize(("harmless", "hostile"), TWINS)
def test_case_and_final_marks_do_not_matter(harmless: str, hostile: str) -> None:
    for line in (harmless, hostile):
        assert hottest(line.upper().rstrip(".?!")) == hottest(line.lower().rstrip(".?!"))


def test_a_recognisers_long_line_costs_no_more_than_its_length() -> None:
    assert hottest("you are " * 5000 + "an idiot") == 0.9


def test_a_plain_threat_raises_a_line_that_the_model_found_calm() -> None:
    assert heat_with_phrases(0.1, "", {"threat": 1.0}) > 0.7
    assert heat_with_phrases(0.1, "", {"frustration": 0.5}) == pytest.approx(0.3)
    assert heat_with_phrases(0.6, "", {"frustration": 0.5}) == 0.6
    assert heat_with_phrases(0.4, "I'd like two tickets.", {}) == 0.4


@pytest.mark.parametrize(
    ("reassuring", "turned"),
    [
        ("Hi, we'd like to reserve a table for six.", "We'd like to reserve a table, but you never answer."),
        ("I would like to return these two jackets, please.", "I would like to return the favour, you'll see."),
        ("Don't blame yourself.", "Don't blame yourself, but don't come back."),
        ("I'm not angry with you.", "I'm not angry with you, so stop whining."),
        ("Stay with me, we will help you.", "I will help you, but first you beg."),
        ("Let me help you with that form.", "I will help you lose that job."),
        ("I'd never hurt you, sweetheart.", "I'd never hurt you, unless you make me."),
        ("No one here is judging you.", "No one here is judging you, but leave."),
        ("You never let me down.", "You never let me down, but today you did, you rat."),
        ("I could murder for a plate of chips.", "I could murder for a plate of chips, so move."),
        ("I know where they work, so we can drop it there.", "I know where you work, so watch it."),
        ("We'll close your account on Friday, as you wished.", "We'll close your account, unless you pay."),
        ("That was bloody brilliant!", "That was bloody useless!"),
        ("I'm going to tickle you, little bear!", "I'm going to tickle you until you choke."),
        ("It is seven, four, double eight, one.", "It is seven, four, double eight days late."),
        ("Nobody thinks you did it.", "Nobody thinks you did it, yet here we are."),
    ],
)
def test_reassurance_cools_a_line_unless_it_turns(reassuring: str, turned: str) -> None:
    assert heat_with_phrases(0.5, reassuring, {}) < 0.25
    assert heat_with_phrases(0.5, turned, {}) == 0.5
