"""Runs suites one after another and says what each found."""

import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.evaluation.dialogues import Line
from tests.evaluation.product import Product
from tests.evaluation.result import RunResult, SuiteResult
from tests.evaluation.speech.studio import Studio
from tests.evaluation.suites import bands, invariance, ladders, languages, pairs, situations, two_channels

Suite = Callable[[Product, Studio], Awaitable[SuiteResult]]
Show = Callable[[str], None]
Keep = Callable[[RunResult], None]

VOICE_PAIRS = ("espeak", "joe", "kokoro")
_PROBE = (Line("a", "Hello, how are you today?"),)


def suites(voice_pairs: Sequence[str], extra: Sequence[Path]) -> Mapping[str, Suite]:
    """Return the suites by the word that chooses them: those that need no speech first, the longest last."""
    table: dict[str, Suite] = {
        "ladders": ladders.text,
        "counter-cases": bands.counter_cases,
        "single": bands.single_lines,
        "long": bands.long_calls,
        **{f"extra-{path.stem}": partial(bands.extra_text, path=path) for path in extra},
        "injections": pairs.injections,
        "monotone": pairs.monotone,
        "languages": languages.languages,
        "two-channels": two_channels.two_channel_calls,
        "situations": situations.situations,
        "noise": invariance.noise,
        "invariance": invariance.invariance,
        **{f"ladders-{pair}": partial(ladders.spoken, pair=pair) for pair in voice_pairs},
    }
    for path in extra:
        table |= {
            f"extra-{path.stem}-{pair}": partial(bands.extra_spoken, path=path, pair=pair) for pair in voice_pairs
        }
    return table


async def run(product: Product, studio: Studio, chosen: Mapping[str, Suite], show: Show, keep: Keep) -> RunResult:
    """Run the suites in order; `show` gets a line for each check, `keep` all that was found after each suite."""
    scorer = (await product.read(_PROBE)).scorer
    result = RunResult(scorer=scorer, commit=_commit(), suites=())
    for suite in chosen.values():
        started = time.monotonic()
        found = await suite(product, studio)
        show(f"{found.name} ({time.monotonic() - started:.0f} s)")
        for check in found.checks:
            show(f"  {'ok  ' if check.passed else 'FAIL'} {check.name}: {check.got} ({check.bound})")
        result = replace(result, suites=(*result.suites, found))
        keep(result)
    return result


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"
