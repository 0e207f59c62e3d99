"""Other languages: what the local recogniser does not understand has no score."""

from tests.evaluation.dialogues import load
from tests.evaluation.product import Product, Reading
from tests.evaluation.result import SuiteResult, share_of
from tests.evaluation.speech.studio import Studio

_CODE = "language_not_supported"


async def languages(product: Product, studio: Studio) -> SuiteResult:
    """Speech in languages that the local recogniser does not speak: temperature 1, confidence 0 and a reason code."""
    readings = {
        each.id: await product.listen(studio.say(each.lines[0].text, f"espeak:{each.id}")) for each in load("languages")
    }
    return SuiteResult(
        name="other languages",
        checks=(share_of("not scored, and said so", [not_scored(reading) for reading in readings.values()], 1),),
        temperatures={language: reading.temperature for language, reading in readings.items()},
        worst=tuple(_heard(language, reading) for language, reading in readings.items() if not not_scored(reading)),
    )


def _heard(language: str, reading: Reading) -> str:
    words = " ".join(reading.lines)[:80]
    return f"{language}: {reading.temperature} with confidence {reading.confidence}, heard as “{words}”"


def not_scored(reading: Reading) -> bool:
    """Whether a reading says that the language was not understood."""
    return _CODE in reading.reason_codes and reading.temperature == 1 and reading.confidence == 0
