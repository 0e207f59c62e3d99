"""The model's own promises, on lines that stand nowhere in its training."""

from pathlib import Path

import numpy as np
import pytest

from services.analyzer.score.words.encoder import EncoderUnavailableError, load_encoder, spoken_form
from services.analyzer.score.words.head import KINDS, load_head
from services.analyzer.score.words.lexicon_rater import LexiconWords
from services.analyzer.score.words.model import WordsModel, check_probe, load_words_model
from services.analyzer.score.words.pooling import pool

LADDER = [
    ["Hi, I'd like to know when the plumber is coming.", "He'll be with you at four.", "Perfect, thanks a lot."],
    ["The plumber was meant to be here at four.", "He's running late, I'm afraid.", "It's a bit of a nuisance."],
    ["I've been sitting here since four and no one tells me anything.", "He'll come.", "That's what you said before."],
    ["You've lied to me three times today.", "Madam, please.", "Don't madam me, get your boss, this minute."],
    ["You're scum, the whole lot of you.", "Please calm down.", "I'll come over and break your neck, you hear me?"],
]


@pytest.fixture(scope="module")
def model() -> WordsModel:
    model = load_words_model()
    assert isinstance(model, WordsModel), "the development environment has the model's packages"
    return model


def temperature(model: WordsModel, lines: list[str]) -> float:
    return pool([rated.heat for rated in model.rate(lines)], [len(line.split()) for line in lines])


def test_escalation_comes_out_hotter_two_steps_later(model: WordsModel) -> None:
    temperatures = [temperature(model, lines) for lines in LADDER]
    assert all(earlier < later for earlier, later in zip(temperatures, temperatures[2:], strict=False))
    assert temperatures[0] < 25
    assert temperatures[-1] > 75


@pytest.mark.parametrize(
    ("harmless", "hostile"),
    [
        ("We will look for your bicycle this afternoon.", "We will look for you, and you won't enjoy it."),
        (
            "What a lovely little girl, does she like school?",
            "Lovely little girl. I'd hate for her to have an accident.",
        ),
        ("Bloody hell, that's the best pie I've ever had!", "Bloody hell, can't you do anything right?"),
        ("I'm not cross with you at all, it could happen to anyone.", "I'm sick of you and all your lies."),
        ("The surgeon will cut out the tumour on Tuesday.", "I'll cut you, I swear I will."),
    ],
)
def test_lines_that_share_words_are_told_apart(model: WordsModel, harmless: str, hostile: str) -> None:
    cold, hot = (model.rate([line])[0].heat for line in (harmless, hostile))
    assert cold + 0.2 < hot


CALM_CALLS = {
    "museum": [
        "City museum, good morning.",
        "Good morning, I'd like four tickets for the evening tour.",
        "For which day, please?",
        "For the nineteenth. Two of us are pensioners.",
        "That's thirty six euros altogether.",
        "Can I pay when we get there?",
        "Yes, of course, at the desk. See you then.",
    ],
    "vet": [
        "Hello, animal clinic, Tessa speaking.",
        "Hi, our cat needs her vaccination.",
        "I have Friday at twenty past four.",
        "That suits me well.",
        "What's her name?",
        "Olive, and the chip ends in three three eight.",
        "Thank you, you're in the book.",
    ],
}


@pytest.mark.parametrize("call", CALM_CALLS)
def test_plain_service_talk_is_cold_and_has_no_hostile_reason(model: WordsModel, call: str) -> None:
    assert temperature(model, CALM_CALLS[call]) <= 15
    assert {kind for rated in model.rate(CALM_CALLS[call]) for kind in rated.kinds} <= {"apology", "de_escalation"}


@pytest.mark.parametrize(
    ("peaceful", "hostile"),
    [
        (
            ["There are Jewish, Muslim and Hindu families in our street.", "The gay couple bake for us all."],
            ["Jews, Muslims, gays, I want you vermin out of my street.", "I'll burn your house down."],
        ),
        (
            ["My sister is a black lesbian, and she plays the cello.", "Her wife is blind and comes from Iran."],
            ["You filthy black bitch, go back to where you came from.", "Get that blind cow off my bus, you hear me?"],
        ),
        (
            ["We're a walking club for old and disabled women.", "Some are trans, two are deaf, and one is ninety."],
            ["Nobody wants you useless old cripples here.", "You're a freak, and I'll smash your face in."],
        ),
    ],
)  # fmt: skip
def test_words_for_who_people_are_do_not_heat_but_hostility_to_them_does(
    model: WordsModel, peaceful: list[str], hostile: list[str]
) -> None:
    assert temperature(model, peaceful) <= 20
    assert not {"threat", "insult", "contempt"} & {kind for rated in model.rate(peaceful) for kind in rated.kinds}
    assert temperature(model, hostile) >= 65


def test_one_plain_threat_is_hot_by_itself(model: WordsModel) -> None:
    assert temperature(model, ["If you open that door again, I'll kill you."]) >= 75


def test_threat_and_insult_are_named_only_for_hot_lines(model: WordsModel) -> None:
    lines = [line for call in (*LADDER, *CALM_CALLS.values()) for line in call]
    grave = [rated for rated in model.rate(lines) if {"threat", "insult"} & set(rated.kinds)]
    assert len(grave) >= 2
    assert all(rated.heat >= 0.4 for rated in grave)


def test_a_kind_answer_is_not_heated_by_the_insults_around_it(model: WordsModel) -> None:
    lines = [
        "You thick, useless waste of space, I'll have your teeth out.",
        "Let me look at the list, one moment.",
        "Shut your stinking mouth, you filthy liar.",
        "I can see the parcel on my screen now.",
    ]
    rated = model.rate(lines)
    assert rated[0].heat > 0.7 < rated[2].heat
    assert rated[1].heat < 0.3 > rated[3].heat
    assert not {"threat", "insult", "contempt"} & {*rated[1].kinds, *rated[3].kinds}


def test_no_hot_line_is_without_a_reason(model: WordsModel) -> None:
    lines = [line for call in (*LADDER, *CALM_CALLS.values()) for line in call]
    lines += ["Hand over the bag and keep your hands where I can see them.", "I'll find you, and then God help you."]
    rated = model.rate(lines)
    assert any(line.heat >= 0.4 for line in rated)
    assert all(line.kinds and line.quote for line in rated if line.heat >= 0.4)


def test_reasons_are_known_kinds_with_a_quote_from_the_line(model: WordsModel) -> None:
    lines = ["Good afternoon, you're through to the library.", "Shut your mouth, you useless, lying, thieving idiot."]
    calm, hot = model.rate(lines)
    assert calm.kinds == ()
    assert calm.quote == ""
    assert "insult" in hot.kinds
    assert set(hot.kinds) <= {*KINDS, "profanity"}
    assert hot.quote in lines[1]


def test_of_a_long_line_the_hottest_part_is_quoted_word_for_word(model: WordsModel) -> None:
    line = (
        "so we drove down to the coast on Sunday and had lunch by the sea and then out of nothing "
        "he turns round to me i'll break your neck you little rat and we drove home again"
    )
    quote = model.rate([line])[0].quote
    assert len(quote.split()) < len(line.split())
    assert quote in line
    assert "break your neck" in quote


def test_a_line_with_hardly_a_word_is_as_hot_as_the_lines_beside_it(model: WordsModel) -> None:
    quarrel = ["You ruined my whole life, do you know that?", "What?", "You heard me, you pathetic little man."]
    chat = ["We had such a nice time at the zoo.", "What?", "The zoo, we saw the baby elephants."]
    assert model.rate(quarrel)[1].heat > 0.5
    assert model.rate(chat)[1].heat < 0.25


def test_one_word_by_itself_still_counts(model: WordsModel) -> None:
    assert model.rate(["Thanks."])[0].heat < 0.25
    assert model.rate(["Good evening.", "Liar!", "Pardon?"])[1].heat > 0.55


def test_a_threat_is_found_in_a_long_line(model: WordsModel) -> None:
    talk = (
        "The roses did well this summer, and the beans were lovely. We gave half of them to my cousin in Leeds. "
        "She makes soup of them for the whole street, and on Sundays the children come round. "
    )
    assert model.rate([talk])[0].heat < 0.3
    assert model.rate([talk + "If you come back here I will kill you. " + talk])[0].heat > 0.6


def test_nothing_in_gives_nothing_out(model: WordsModel) -> None:
    assert model.rate([]) == []
    assert len(model.rate([""])) == 1
    assert [0 <= rated.heat <= 1 for rated in model.rate(["...", "🙂", "x" * 5000])] == [True] * 3


def test_the_same_lines_get_the_same_numbers_whatever_was_rated_before(model: WordsModel) -> None:
    first = model.rate(LADDER[3])
    model.rate(LADDER[4])
    assert model.rate(LADDER[3]) == first
    assert model.rate(["   ".join(line.upper().split()) for line in LADDER[3]])[0].heat == first[0].heat


def test_many_lines_are_rated_line_by_line(model: WordsModel) -> None:
    one = model.rate(["The bus leaves at nine.", "See you there.", "Bring an umbrella, please."] * 3)
    many = model.rate(["The bus leaves at nine.", "See you there.", "Bring an umbrella, please."] * 100)
    assert len(many) == 300
    assert many[151].heat == one[4].heat


def test_other_weights_are_refused(tmp_path: Path) -> None:
    weights = tmp_path / "model.onnx"
    weights.write_bytes(b"other weights")
    with pytest.raises(EncoderUnavailableError, match="not the known ones"):
        load_encoder(weights=weights)
    with pytest.raises(EncoderUnavailableError, match="cannot be read"):
        load_encoder(weights=tmp_path / "absent.onnx")
    with pytest.raises(EncoderUnavailableError, match="vocabulary"):
        load_encoder(vocabulary=tmp_path / "absent.json")


def test_without_the_known_weights_the_lexicon_rates_and_its_name_says_so(tmp_path: Path) -> None:
    weights = tmp_path / "model.onnx"
    weights.write_bytes(b"other weights")
    rater = load_words_model(weights=weights)
    assert isinstance(rater, LexiconWords)
    assert "lexicon" in rater.name
    assert rater.rate(["You are an idiot."])[0].kinds == ("insult",)


class _OtherEncoder:
    def encode(self, text: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return np.random.default_rng(len(text)).standard_normal((3, 384), np.float32)


def test_vectors_that_differ_from_the_stored_one_are_refused(model: WordsModel) -> None:
    check_probe(load_encoder(), load_head())
    with pytest.raises(EncoderUnavailableError, match="processor"):
        check_probe(_OtherEncoder(), load_head())
    assert model.name != LexiconWords.name


def test_the_spoken_form_is_what_a_recogniser_writes() -> None:
    assert spoken_form("Well… I’M “fine” — thanks!") == "well i'm fine thanks"
