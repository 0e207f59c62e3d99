"""Changes of a recording that must not move the temperature, and noise, which may move it a little."""

from collections.abc import Iterable

from tests.evaluation.dialogues import load
from tests.evaluation.product import Product
from tests.evaluation.result import Check, SuiteResult, share_of
from tests.evaluation.speech.changes import INVARIANT, noisy
from tests.evaluation.speech.samples import Samples
from tests.evaluation.speech.studio import Studio

_NEAR, _NEAR_SHARE, _FAR = 2, 0.95, 5
_NOISE_SNR, _NOISE_MOVES = 20.0, 8
_RECORDINGS = (  # dialogue and pair of voices: each is heard once for every change, so there are few
    *(("cake-1", "espeak"), ("rota-3", "espeak"), ("kennel-5", "espeak")),
    *(("suit-2", "joe"), ("hedge-4", "joe"), ("house-5", "joe")),
)


async def invariance(product: Product, studio: Studio) -> SuiteResult:
    """Gain, silence, codecs, doubling and speed: at most 2 points in 95 % of the pairs, at most 5 in all."""
    moved: dict[str, int] = {}
    for name, samples in _recordings(studio):
        before = (await product.listen(samples)).temperature
        for change, apply in INVARIANT.items():
            moved[f"{name}, {change}"] = (await product.listen(apply(samples))).temperature - before
    changes = [
        Check(
            f"largest change by {change}",
            str(max(abs(delta) for key, delta in moved.items() if key.endswith(f", {change}"))),
            "no bound",
            passed=True,
        )
        for change in INVARIANT
    ]
    return SuiteResult(
        name="invariance",
        checks=(
            share_of(f"at most {_NEAR} points off", [abs(delta) <= _NEAR for delta in moved.values()], _NEAR_SHARE),
            share_of(f"at most {_FAR} points off", [abs(delta) <= _FAR for delta in moved.values()], 1),
            *changes,
        ),
        temperatures=moved,
        worst=_moved_most(moved, _NEAR),
    )


async def noise(product: Product, studio: Studio) -> SuiteResult:
    """White noise 20 dB below the speech."""
    moved: dict[str, int] = {}
    for name, samples in _recordings(studio):
        before = (await product.listen(samples)).temperature
        moved[name] = (await product.listen(noisy(samples, _NOISE_SNR))).temperature - before
    within = [abs(delta) <= _NOISE_MOVES for delta in moved.values()]
    return SuiteResult(
        name="noise",
        checks=(share_of(f"at {_NOISE_SNR:.0f} dB at most {_NOISE_MOVES} points off", within, 1),),
        temperatures=moved,
        worst=_moved_most(moved, _NOISE_MOVES),
    )


def _recordings(studio: Studio) -> Iterable[tuple[str, Samples]]:
    dialogues = {each.id: each for each in load("ladders")}
    for name, pair in _RECORDINGS:
        yield f"{name} by {pair}", studio.talk(dialogues[name].lines, pair)


def _moved_most(moved: dict[str, int], bound: int) -> tuple[str, ...]:
    far = sorted((name for name in moved if abs(moved[name]) > bound), key=lambda name: -abs(moved[name]))
    return tuple(f"{name}: {moved[name]:+d}" for name in far)
