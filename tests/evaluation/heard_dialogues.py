"""`make hear-dialogues`: speaks the training dialogues and writes down what the recogniser hears of them.

Each dialogue is spoken by two voices and heard twice: as it is, and changed (a codec, another pace, noise). Voices,
pauses and changes are drawn by the dialogue's id. Dialogues that are in the file already stay as they are: delete it to
hear all again, some 40 minutes on two cores. Besides the voices of the evaluation it wants flite, a Debian program.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from services.analyzer.local_analyzer import open_local
from services.analyzer.score.training.data import DIALOGUES_FILE, HEARD_FILE
from services.analyzer.transcribe_recording import transcribe_recording
from tests.evaluation.speech.cache import ROOT
from tests.evaluation.speech.changes import INVARIANT, noisy, rumbling
from tests.evaluation.speech.samples import RATE, Samples, as_wav, silence
from tests.evaluation.speech.studio import Studio, open_studio

_VOICES = {
    "flite:slt": 20, "flite:rms": 18, "flite:awb": 4, "flite:kal16": 3,
    "espeak:en-us": 14, "espeak:en-us+f3": 12, "espeak:en-gb-x-rp+f2": 12, "espeak:en-us+m1": 6, "espeak:en-us+m3": 5,
    "piper:joe": 16,
}  # fmt: skip
_CHANGES = {
    "8 kHz": 10, "G.711 µ-law": 10, "AMR 12.2 kbit/s": 14, "Opus 24 kbit/s": 10, "MP3 48 kbit/s": 6,
    "10 % faster": 9, "10 % slower": 9, "white noise, 20 dB": 18, "pink noise, 20 dB": 8, "white noise, 26 dB": 6,
}  # fmt: skip
_NOISES: Mapping[str, Callable[..., Samples]] = {
    "white noise, 20 dB": partial(noisy, snr=20.0),
    "pink noise, 20 dB": partial(rumbling, snr=20.0),
    "white noise, 26 dB": partial(noisy, snr=26.0),
}
_PAUSES = (0.2, 0.6)  # seconds
_BLOCK = 4 * RATE  # bytes that go to the recogniser at once
_HEAD = 44  # bytes of a WAV before its samples


@dataclass(frozen=True, slots=True)
class _Hearing:
    """How a dialogue is spoken and heard; `change` is None where it is heard as it is spoken."""

    voices: tuple[str, str]
    pause: float
    change: str | None
    seed: int

    @classmethod
    def of(cls, dialogue: str, *, changed: bool) -> "_Hearing":
        """Draw the hearing of a dialogue with this id."""
        voice = random.Random(f"{dialogue} voices")  # noqa: S311  # nothing secret
        first, second = voice.choices(*_weighted(_VOICES))[0], ""
        while second in ("", first):
            second = voice.choices(*_weighted(_VOICES))[0]
        draw = random.Random(f"{dialogue} {changed}")  # noqa: S311
        change = draw.choices(*_weighted(_CHANGES))[0] if changed else None
        return cls((first, second), draw.uniform(*_PAUSES), change, draw.randrange(1 << 30))

    def sound(self, utterances: Sequence[str], studio: Studio) -> Samples:
        """Return the spoken dialogue."""
        parts = []
        for number, text in enumerate(utterances):
            parts += [studio.say(text, self.voices[number % 2]), silence(self.pause)]
        spoken = np.concatenate(parts)
        if self.change is None:
            return spoken
        noise = _NOISES.get(self.change)
        return INVARIANT[self.change](spoken) if noise is None else noise(spoken, seed=self.seed)


def _weighted(table: Mapping[str, int]) -> tuple[list[str], list[int]]:
    return list(table), list(table.values())


async def hear() -> None:
    """Add to the file what is heard of each dialogue that is not in it; what is not understood is left out."""
    rows = [json.loads(line) for line in DIALOGUES_FILE.read_text().splitlines()]
    known = [json.loads(line)["of"] for line in HEARD_FILE.read_text().splitlines()] if HEARD_FILE.exists() else []
    wanted = [row for row in rows if not row["misheard"] and row["id"] not in known]
    with open_studio(ROOT) as studio, HEARD_FILE.open("a") as file:
        async with open_local() as (transcriber, _, voice):
            for row in wanted:
                for changed in (False, True):
                    hearing = _Hearing.of(row["id"], changed=changed)
                    samples = await asyncio.to_thread(hearing.sound, row["utterances"], studio)
                    heard = await transcribe_recording(_blocks(as_wav(samples)[_HEAD:]), transcriber, voice)
                    lines = [line.text for line in heard.transcript.segments]
                    if lines and not heard.foreign:
                        file.write(_row(row["id"], hearing, lines))
                file.flush()


def _row(of: str, hearing: _Hearing, lines: Sequence[str]) -> str:
    row: dict[str, Any] = {"of": of, "voices": hearing.voices, "change": hearing.change, "lines": lines}
    return json.dumps(row, ensure_ascii=False) + "\n"


async def _blocks(pcm: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(pcm), _BLOCK):
        yield pcm[at : at + _BLOCK]


if __name__ == "__main__":
    asyncio.run(hear())
