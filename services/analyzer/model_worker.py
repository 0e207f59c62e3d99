"""A process of the local models: reads requests on stdin and writes responses on stdout (`model_process.frames`).

A model is loaded at the first request of its task and stays. The process ends with its stdin.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib import import_module
from typing import BinaryIO, TypeAlias

from services.analyzer.model_process.frames import Status, read_request, write_response
from services.analyzer.transcribe.speakers import BEGIN, FINISH, ID_BYTES
from services.analyzer.transcribe.voice import MEMORY_BYTES, VoiceMemory

Task: TypeAlias = Callable[[bytes], bytes]
"""A loaded model: a request's body in, the response's out."""

_NICENESS = 5  # receiving chunks comes before transcribing them


def load_transcribe() -> Task:
    """PCM (16-bit little-endian, mono, 16 kHz) in; `{"words": [[text, [log probability, ...]], ...], "ended"}` out."""
    from services.analyzer.transcribe.speech_model import load_speech_model  # noqa: PLC0415

    model = load_speech_model()
    return lambda body: json.dumps(asdict(model.transcribe(body))).encode()


def load_transcribe_with() -> Task:
    """JSON that describes a model, a line break and PCM in; what `SherpaModels.transcribe` returns out."""
    from services.analyzer.transcribe.sherpa_model import SherpaModels  # noqa: PLC0415

    models = SherpaModels()

    def transcribe(body: bytes) -> bytes:
        description, _, pcm = body.partition(b"\n")
        return json.dumps(models.transcribe(description, pcm)).encode()

    return transcribe


def load_speakers() -> Task:
    """One of `begin`, `feed` and `finish` of `SpeakerModel`, an id and PCM in; nothing, or spans out."""
    from services.analyzer.transcribe.speaker_model import SpeakerModel  # noqa: PLC0415

    model = SpeakerModel()

    def follow(body: bytes) -> bytes:
        what, recording, pcm = body[:1], body[1 : 1 + ID_BYTES], body[1 + ID_BYTES :]
        if what == FINISH:
            return json.dumps(model.finish(recording)).encode()
        if what == BEGIN:
            model.begin(recording)
        else:
            model.feed(recording, pcm)
        return b""

    return follow


def load_voice() -> Task:
    """Memory and PCM in; the new memory and the probabilities (float32) out."""
    from services.analyzer.transcribe.voice_model import load_voice_model  # noqa: PLC0415

    model = load_voice_model()

    def detect(body: bytes) -> bytes:
        memory, probabilities = model.detect(VoiceMemory(body[:MEMORY_BYTES]), body[MEMORY_BYTES:])
        return memory + probabilities.tobytes()

    return detect


def load_words() -> Task:
    """Lines (`["text", ...]`) in; what rated them and their ratings out: `{"name": …, "ratings": [LineWords, ...]}`."""
    model = import_module("services.analyzer.score.words.model").load_words_model()

    def rate(body: bytes) -> bytes:
        ratings = [asdict(rating) for rating in model.rate(json.loads(body))]
        return json.dumps({"name": model.name, "ratings": ratings}).encode()

    return rate


LOADERS: Mapping[str, Callable[[], Task]] = {
    "speakers": load_speakers,
    "transcribe": load_transcribe,
    "transcribe_with": load_transcribe_with,
    "voice": load_voice,
    "words": load_words,
}


def main() -> None:
    """Answer requests until stdin ends."""
    responses = _claim_stdout()
    os.nice(_NICENESS)
    tasks: dict[str, Task] = {}
    while (request := read_request(sys.stdin.buffer)) is not None:
        write_response(responses, *_respond(tasks, *request))


def _claim_stdout() -> BinaryIO:
    """Return stdout for frames alone, and redirect to stderr what native code prints to stdout."""
    own = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(own, "wb")


def _respond(tasks: dict[str, Task], name: str, body: bytes) -> tuple[Status, bytes]:
    try:
        task = tasks[name] if name in tasks else tasks.setdefault(name, LOADERS[name]())
    except Exception as exc:  # noqa: BLE001  # whatever keeps a model from loading, the parent process decides
        return Status.NO_MODEL, type(exc).__name__.encode()
    try:
        return Status.OK, task(body)
    except Exception as exc:  # noqa: BLE001  # any error fails this request, and the parent process decides
        return Status.FAILED, type(exc).__name__.encode()
