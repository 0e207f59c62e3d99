"""Whether the local model's transcript tells English from other languages, over speech of a synthesiser."""

from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest

from services.analyzer.model_process.models import LocalModels, open_local_models
from services.analyzer.score.protocol import TranscribedRecording
from services.analyzer.transcribe.local_voice import LocalVoiceDetector
from services.analyzer.transcribe.moonshine import MoonshineTranscriber
from services.analyzer.transcribe_recording import transcribe_recording
from tests.evaluation.speech.changes import noisy
from tests.evaluation.speech.espeak import Espeak
from tests.evaluation.speech.samples import RATE, Samples, leveled

FOREIGN = {
    "de": "Ich habe letzte Woche drei Bücher bestellt und noch keine Nachricht bekommen. Warum ist das so?",
    "fr": "Ma facture est beaucoup trop élevée ce mois-ci. C'est la troisième fois que je téléphone, j'en ai assez.",
    "es": "Ayer me dijeron otra cosa y perdí toda la mañana esperando. Quisiera saber a qué hora sale el autobús.",
    "nl": "Daarvoor moet u eerst een afspraak maken op het stadhuis. Kan dat deze week nog, want we gaan op vakantie?",
    "pl": "Płacę co miesiąc, a usługa ciągle nie działa, to skandal. Technik przyjedzie do pani jutro rano.",
    "tr": "Dün akşam internet bağlantım kesildi ve hâlâ gelmedi. Her ay aynı sorunu yaşıyoruz, artık bıktım.",
}
ENGLISH = "The parcel came on Monday, but the lamp inside was broken. I would like my money back, please."


@pytest.fixture(scope="module")
async def models() -> AsyncIterator[LocalModels]:
    async with open_local_models(deadline=60) as opened:
        yield opened


@pytest.fixture(scope="module")
def espeak() -> Iterator[Espeak]:
    program = Espeak()
    yield program
    program.close()


async def heard(models: LocalModels, samples: Samples) -> TranscribedRecording:
    pcm = (np.clip(leveled(samples, -23), -1, 0.999) * 32768).astype("<i2").tobytes()

    async def parts() -> AsyncIterator[bytes]:
        yield pcm

    return await transcribe_recording(parts(), MoonshineTranscriber(models), LocalVoiceDetector(models))


def clips(samples: Samples, seconds: float) -> list[Samples]:
    """Return pieces of a length, each of which begins and ends wherever that is."""
    size = round(seconds * RATE)
    return [samples[start : start + size] for start in range(RATE // 3, len(samples) - size, 4 * RATE // 5)]


@pytest.mark.parametrize("seconds", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("voice", ["en-us", "en-us+f3"])
async def test_english_that_is_cut_in_the_middle_of_words_is_no_other_language(
    models: LocalModels, espeak: Espeak, voice: str, seconds: float
) -> None:
    recordings = [await heard(models, clip) for clip in clips(espeak.say(ENGLISH, voice), seconds)]
    assert len(recordings) >= 4
    assert not any(recording.foreign for recording in recordings)
    if seconds == 3:
        assert sum(bool(recording.lines) for recording in recordings) >= len(recordings) / 2


@pytest.mark.parametrize("language", FOREIGN)
async def test_of_a_few_words_of_another_language_none_is_invented(
    models: LocalModels, espeak: Espeak, language: str
) -> None:
    recordings = [await heard(models, clip) for clip in clips(espeak.say(FOREIGN[language], language), 2.5)]
    assert len(recordings) >= 4
    assert sum(recording.foreign or recording.unclear for recording in recordings) >= len(recordings) - 1
    assert all(recording.foreign or not recording.unclear or not recording.lines for recording in recordings)


@pytest.mark.parametrize("language", FOREIGN)
async def test_another_language_is_not_understood_and_its_lines_are_kept(
    models: LocalModels, espeak: Espeak, language: str
) -> None:
    recording = await heard(models, espeak.say(FOREIGN[language], language))
    assert recording.foreign
    assert recording.transcript.language is None
    assert recording.lines


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("de", "Das Fahrrad steht seit gestern vor der Tür."),
        ("fr", "Il faut que je vous rappelle la semaine prochaine."),
        ("es", "Todavía no sé si puedo ir contigo al cine."),
        ("ru", "Вчера вечером у нас не было горячей воды."),
    ],
)
async def test_one_whole_sentence_of_another_language_is_enough(
    models: LocalModels, espeak: Espeak, language: str, sentence: str
) -> None:
    said = np.pad(espeak.say(sentence, language), RATE // 4)
    assert (await heard(models, said)).foreign


@pytest.mark.parametrize("snr", [8.0, 5.0])
@pytest.mark.parametrize("voice", ["en-us", "en-us+f3"])
async def test_english_that_noise_hides_is_no_other_language(
    models: LocalModels, espeak: Espeak, voice: str, snr: float
) -> None:
    recording = await heard(models, noisy(espeak.say(ENGLISH, voice), snr))
    assert not recording.foreign
    assert recording.lines or not recording.unclear or "noisy" in recording.notes


@pytest.mark.parametrize("voice", ["en-us", "en-us+m3", "en-us+f3"])
async def test_english_is_understood(models: LocalModels, espeak: Espeak, voice: str) -> None:
    recording = await heard(models, espeak.say(ENGLISH, voice))
    assert not recording.foreign
    assert recording.transcript.language == "en"
    assert "money back" in " ".join(line.text for line in recording.lines)


async def test_english_in_noise_is_understood_with_less_confidence(models: LocalModels, espeak: Espeak) -> None:
    clean = espeak.say(ENGLISH, "en-us")
    quiet, loud = await heard(models, clean), await heard(models, noisy(clean, 20))
    assert not loud.foreign
    assert loud.confidence is not None
    assert quiet.confidence is not None
    assert loud.confidence < quiet.confidence


async def test_a_side_that_speaks_another_language_makes_the_call_foreign(models: LocalModels, espeak: Espeak) -> None:
    left, right = espeak.say(ENGLISH, "en-us"), espeak.say(FOREIGN["de"], "de")
    sides = np.zeros((max(len(left), len(right)), 2), np.float32)
    sides[: len(left), 0], sides[: len(right), 1] = left, right
    pcm = (np.clip(sides, -1, 0.999) * 32768).astype("<i2").tobytes()

    async def parts() -> AsyncIterator[bytes]:
        yield pcm

    recording = await transcribe_recording(
        parts(), MoonshineTranscriber(models), LocalVoiceDetector(models), ("agent", "customer")
    )
    assert recording.foreign
