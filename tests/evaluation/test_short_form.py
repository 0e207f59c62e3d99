"""`make eval` in seconds: some of the texts, and of the speech a ladder, a language and some noise."""

from collections.abc import AsyncIterator

import numpy as np
import pytest

from tests.evaluation.dialogues import Dialogue, load
from tests.evaluation.metrics import inversions, kendall, share
from tests.evaluation.product import Product, open_product
from tests.evaluation.speech.changes import noisy
from tests.evaluation.speech.espeak import Espeak
from tests.evaluation.speech.samples import silence
from tests.evaluation.speech.studio import Studio, open_studio
from tests.evaluation.suites.languages import not_scored

pytestmark = pytest.mark.timeout(400)  # a line costs 10 ms where nothing else runs


@pytest.fixture(scope="module")
async def product(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    async with open_product(cache=tmp_path_factory.mktemp("cache")) as product:
        yield product


@pytest.fixture(scope="module")
async def studio(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Studio]:
    with open_studio(tmp_path_factory.mktemp("voices")) as studio:
        yield studio


def ladder(topic: str) -> dict[int, Dialogue]:
    return {each.step: each for each in load("ladders") if each.topic == topic}


async def held(product: Product, dialogues: list[Dialogue]) -> float:
    return share([each.holds((await product.read(each.lines)).temperature) for each in dialogues])


@pytest.mark.parametrize("topic", ["driving", "kennel", "suit"])
async def test_a_written_ladder_comes_out_in_order(topic: str, product: Product) -> None:
    given = {step: (await product.read(each.lines)).temperature for step, each in ladder(topic).items()}
    assert inversions(given) == []
    assert round(kendall(list(given), list(given.values())), 6) >= 0.8


async def test_misleading_words_mostly_stay_in_their_band(product: Product) -> None:
    assert await held(product, load("counter_cases")[::4]) >= 0.7


async def test_most_plain_threats_are_hot_by_themselves_and_most_mock_ones_are_not(product: Product) -> None:
    assert await held(product, load("single_lines")) >= 0.8


async def test_fifty_calm_lines_are_calm_and_a_violent_quarrel_among_them_is_not(product: Product) -> None:
    assert (
        await held(product, [each for each in load("long_calls") if each.id in {"shop-calm", "shop-quarrel-middle"}])
        == 1
    )


def test_the_same_words_are_spoken_alike_whatever_was_said_before() -> None:
    espeak = Espeak()
    try:
        first = espeak.say("She sells sea shells.", "en-us")
        espeak.say("Something else, with noise in it.", "en-us+f3")
        assert np.array_equal(first, espeak.say("She sells sea shells.", "en-us"))
    finally:
        espeak.close()


async def test_a_spoken_ladder_rises_and_noise_moves_it_little(product: Product, studio: Studio) -> None:
    steps = ladder("hedge")
    spoken = {step: studio.talk(steps[step].lines, pair) for step, pair in ((1, "espeak"), (3, "joe"), (5, "espeak"))}
    heard = {step: (await product.listen(samples)).temperature for step, samples in spoken.items()}
    assert heard[1] < heard[3] < heard[5]
    calm = [part for line in steps[1].lines for part in (studio.say(line.text, "espeak:en-us"), silence(0.4))]
    quiet = np.concatenate(calm)  # in the one voice whose samples are the same each time
    clean, noise = await product.listen(quiet), await product.listen(noisy(quiet, 20))
    assert abs(noise.temperature - clean.temperature) <= 8


async def test_another_language_is_not_scored(product: Product, studio: Studio) -> None:
    german = next(each for each in load("languages") if each.id == "de")
    assert not_scored(await product.listen(studio.say(german.lines[0].text, "espeak:de")))
