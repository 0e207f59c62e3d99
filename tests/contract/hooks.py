"""What schemathesis can't guess: about half of the files it sends are audio, since random bytes never are."""

import io
import wave
from functools import cache
from typing import Any
from zlib import crc32

import schemathesis

_FILE_FIELDS = {"audio", "audio_chunk", "chunk", "file"}


@cache
def _silence() -> str:
    """Return a short WAV of ASCII characters only: bytes would make schemathesis believe that the request is bad."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 1, 8000, 0, "NONE", "not compressed"))
        writer.writeframes(b"\x7f" * 320)
    return file.getvalue().decode("ascii")


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case[Any], _kwargs: dict[str, Any]) -> None:
    """Put audio into every second good form with a file, always into the same ones."""
    if case.media_type != "multipart/form-data" or not isinstance(case.body, dict):
        return
    if case.meta is None or case.meta.generation.mode is not schemathesis.GenerationMode.POSITIVE:
        return
    for field in _FILE_FIELDS & case.body.keys():
        if crc32(repr(case.body).encode()) % 2:
            case.body = {**case.body, field: _silence()}
