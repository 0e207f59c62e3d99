"""eSpeak NG as a child process: a clear synthetic voice in a hundred languages, and the phonemes for other voices."""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tests.evaluation.speech.samples import Samples, resampled

_PROGRAM = Path(__file__).with_name("espeak_program.py")
_PUNCTUATION = ",;:"
_CLAUSES = re.compile(f"([{_PUNCTUATION}])")
_SENTENCES = re.compile(r"(?<=[.!?])\s+")


def sentences(text: str) -> list[str]:
    """Return a text's sentences, which the natural voices speak one at a time."""
    return _SENTENCES.split(text.strip())


class Espeak:
    """The running program; started with the first request, ended with `close`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def say(self, text: str, voice: str, *, rate: int = 165) -> Samples:
        """Return the text spoken by a voice such as `en-us+f3` at `rate` words a minute."""
        answer = self._ask({"text": text, "voice": voice, "rate": rate})
        samples = np.frombuffer(base64.b64decode(answer["samples"]), "<i2").astype(np.float32) / np.float32(32768)
        return resampled(samples, answer["hertz"])

    def phonemes(self, sentence: str, voice: str = "en-us") -> str:
        """Return a sentence's IPA with the punctuation that the library leaves out."""
        body = sentence.rstrip(".!?")
        end = sentence[len(body) : len(body) + 1] or "."
        clauses = [
            clause if clause in _PUNCTUATION else " " + " ".join(self._clauses(clause, voice))
            for clause in _CLAUSES.split(body)
            if clause.strip()
        ]
        return "".join(clauses).strip() + end

    def close(self) -> None:
        """End the program."""
        process, self._process = self._process, None
        if process is not None:
            with process:
                process.kill()

    def _clauses(self, text: str, voice: str) -> list[str]:
        clauses: list[str] = self._ask({"text": text, "voice": voice, "phonemes": True})["clauses"]
        return clauses

    def _ask(self, request: dict[str, Any]) -> Any:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(_PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"eSpeak NG gave no answer to {request}"
        return json.loads(answer)
