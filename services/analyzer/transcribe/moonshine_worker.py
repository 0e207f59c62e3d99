"""The local speech model in its own process; run as a script by `model_process`, never imported.

It reads frames on stdin and writes frames on stdout: four bytes of length, little-endian, then that many bytes. After
loading, it writes one frame `{}`. Then it answers each frame of samples (16-bit little-endian, mono, 16 kHz) with one
JSON document: `{"lines": [[start, end, text], ...]}` in seconds, or `{"error": <type of error>}`. It ends with stdin.
"""

import json
import os
import struct
import sys
from array import array
from typing import BinaryIO

from moonshine_voice.moonshine_api import ModelArch
from moonshine_voice.transcriber import Transcriber
from moonshine_voice.utils import get_assets_path

_LENGTH = struct.Struct("<I")
_SAMPLE_RATE = 16_000
_FULL_SCALE = 32768

# The model's voice detector keeps its state between calls: without this silence, a piece begins with a word or
# two of the piece before it (0.4 s of silence leave traces, 0.5 s none; the detector looks back that far).
_SILENCE_AFTER = [0.0] * _SAMPLE_RATE

_NICENESS = 5  # receiving chunks comes before transcribing them


def main() -> None:
    """Transcribe pieces until stdin ends."""
    responses = _claim_stdout()
    os.nice(_NICENESS)
    # The audio of every line would come back as a Python list of floats.
    model = Transcriber(get_assets_path() / "tiny-en", ModelArch.TINY, options={"return_audio_data": "false"})
    _send(responses, {})
    while (pcm := _receive(sys.stdin.buffer)) is not None:
        try:
            response: dict[str, object] = {"lines": _transcribe(model, pcm)}
        except Exception as exc:  # noqa: BLE001  # any error fails this piece, and the parent process decides
            response = {"error": type(exc).__name__}
        _send(responses, response)


def _claim_stdout() -> BinaryIO:
    """Return stdout for frames alone, and redirect to stderr what native code prints to stdout."""
    own = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(own, "wb")


def _transcribe(model: Transcriber, pcm: bytes) -> list[tuple[float, float, str]]:
    samples = array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    audio = [sample / _FULL_SCALE for sample in samples] + _SILENCE_AFTER
    lines = model.transcribe_without_streaming(audio, _SAMPLE_RATE).lines
    return [(line.start_time, line.start_time + line.duration, line.text) for line in lines]


def _receive(stream: BinaryIO) -> bytes | None:
    """Return the next frame's content, or None at the end; a truncated frame is the end as well."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(head)
    body = stream.read(size)
    return body if len(body) == size else None


def _send(stream: BinaryIO, response: dict[str, object]) -> None:
    body = json.dumps(response).encode()
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


if __name__ == "__main__":
    main()
