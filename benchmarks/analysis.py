"""`make bench-analysis`: seconds of speech a second, the whole local analysis beside bare recognisers in a loop.

Each round runs all of them on the same recording, one after another, so that a ratio compares neighbours in time. The
bare ones get windows of 15 s: the package's own transcriber with its voice detector, and the same model decoded as the
service does it. Ours decodes the file, finds speech, transcribes, rates words and voices, and writes the analysis.
"""

import argparse
import asyncio
import io
import time
import wave
from collections.abc import Callable
from statistics import median

import numpy as np
from moonshine_voice import ModelArch, Transcriber

from services.analyzer.local_analyzer import analyze_content, file_analyzer, open_local
from services.analyzer.transcribe.speech_model import load_speech_model, package_folder

_RATE = 16_000
_WINDOW = 15 * _RATE
_SAMPLE = "beckett.wav"  # ten seconds of speech, part of the recogniser's package
_PAUSE = 0.8  # seconds
_WORDS = ("ours, the whole analysis", "the same model, bare", "moonshine_voice, bare")


def main() -> None:
    """Run the rounds and print a table of medians and ratios."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.analysis", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0, help="length of the recording")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    samples = _speech(arguments.minutes)
    rounds = asyncio.run(_rounds(samples, arguments.rounds))
    seconds = len(samples) / _RATE
    print(f"{seconds:.0f} s of speech, {arguments.rounds} rounds, medians\n")
    print("| what | seconds of speech a second | ours beside it |")
    print("|---|---|---|")
    for name in _WORDS:
        rate = median(seconds / took[name] for took in rounds)
        share = median(took[name] / took[_WORDS[0]] for took in rounds)
        print(f"| {name} | {rate:.1f} | {share:.2f} |")


async def _rounds(samples: "np.ndarray[tuple[int], np.dtype[np.int16]]", count: int) -> list[dict[str, float]]:
    windows = [samples[at : at + _WINDOW] for at in range(0, len(samples), _WINDOW)]
    model = load_speech_model()
    package = Transcriber(package_folder("moonshine_voice") / "assets" / "tiny-en", ModelArch.TINY)
    found = []
    async with open_local() as local:
        analyzer, content = file_analyzer(*local), _wav(samples)
        await analyze_content(analyzer, _wav(samples[:_WINDOW]))  # loads the models
        for _ in range(count):
            began = time.perf_counter()
            await analyze_content(analyzer, content)
            ours = time.perf_counter() - began
            bare = _timed(lambda: [model.transcribe(window.tobytes()) for window in windows])
            theirs = _timed(
                lambda: [
                    package.transcribe_without_streaming((window / 32768).astype(np.float32).tolist(), _RATE)
                    for window in windows
                ]
            )
            found.append(dict(zip(_WORDS, (ours, bare, theirs), strict=True)))
    package.close()
    return found


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _speech(minutes: float) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    with wave.open(str(package_folder("moonshine_voice") / "assets" / _SAMPLE)) as file:
        said = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    once = np.concatenate([said, np.zeros(round(_PAUSE * _RATE), np.int16)])
    return np.tile(once, max(1, round(minutes * 60 * _RATE / len(once))))


def _wav(samples: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(samples.tobytes())
    return content.getvalue()


if __name__ == "__main__":
    main()
