"""The local speech model in a process of its own; run as a script by `model_process`, never imported.

Speaks frames on stdin and stdout: four bytes of length, little-endian, then that many bytes. After loading, one
frame `{}` goes out. Then each frame of samples (16-bit little-endian, mono, 16 kHz) is answered with one JSON
document: `{"lines": [[start, end, text], ...]}` in seconds, or `{"error": <type of error>}`. Ends with stdin.
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

# The model's voice detector goes on where the last call ended: without this, a piece begins with a word or
# two that the piece before it left behind (0.4 s leave traces, 0.5 s none; it looks back that far).
_SILENCE_AFTER = [0.0] * _SAMPLE_RATE

_NICENESS = 5  # taking chunks in comes before transcribing them


def main() -> None:
    """Answer pieces until stdin ends."""
    answers = _claim_stdout()
    os.nice(_NICENESS)
    # The audio of every line would come back as a Python list of floats.
    model = Transcriber(get_assets_path() / "tiny-en", ModelArch.TINY, options={"return_audio_data": "false"})
    _send(answers, {})
    while (pcm := _receive(sys.stdin.buffer)) is not None:
        try:
            answer: dict[str, object] = {"lines": _transcribe(model, pcm)}
        except Exception as exc:  # noqa: BLE001  # whatever it is costs this piece, and the owner decides
            answer = {"error": type(exc).__name__}
        _send(answers, answer)


def _claim_stdout() -> BinaryIO:
    """Keep stdout for frames, and let whatever native code prints go to stderr."""
    own = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(own, "wb")


def _transcribe(model: Transcriber, pcm: bytes) -> list[tuple[float, float, str]]:
    samples = array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    sound = [sample / _FULL_SCALE for sample in samples] + _SILENCE_AFTER
    lines = model.transcribe_without_streaming(sound, _SAMPLE_RATE).lines
    return [(line.start_time, line.start_time + line.duration, line.text) for line in lines]


def _receive(stream: BinaryIO) -> bytes | None:
    """Return the next frame's content, or None at the end; a frame cut short is the end as well."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(head)
    body = stream.read(size)
    return body if len(body) == size else None


def _send(stream: BinaryIO, answer: dict[str, object]) -> None:
    body = json.dumps(answer).encode()
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


if __name__ == "__main__":
    main()
