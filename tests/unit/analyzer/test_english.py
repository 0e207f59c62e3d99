import pytest

from services.analyzer.score.english import seems_english


@pytest.mark.parametrize(
    "text",
    [
        "Morning. The boiler is leaking again and nobody came, although I was told that someone would be here by nine.",
        "You utter fool, give me that, I have told you a hundred times and you never listen, so get out of my kitchen!",
        "Ja.",
        "",
    ],
)
def test_english_and_a_few_words_of_anything_may_be_english(text: str) -> None:
    assert seems_english([text])


@pytest.mark.parametrize(
    "text",
    [
        "Die Heizung tropft wieder und niemand ist gekommen, obwohl ich es gesagt hatte.",
        "De ketel lekt alweer en er is niemand gekomen, terwijl me iemand was beloofd.",
        "La chaudière fuit encore et il n'est venu personne, alors qu'on me l'a promis.",
        "La caldera vuelve a gotear y no ha venido nadie, aunque me lo habían prometido.",
        "Котёл снова течёт, и никто не пришёл, хотя мне это обещали ещё вчера утром.",
        "锅炉又漏水了，没有人来，虽然他们告诉我九点钟会有人到这里来修理它。",
    ],
)
def test_other_languages_do_not_seem_english(text: str) -> None:
    assert not seems_english([text, text])
