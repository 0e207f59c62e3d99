"""The program around eSpeak NG's library: JSON requests on stdin, JSON answers on stdout, a line each.

eSpeak NG is under GPL-3.0-or-later, so it is used as a program and never loaded into a process of ours. A request has
`text` and `voice`, and either `phonemes: true` (the answer has `clauses`, the IPA of each clause) or `rate` in words a
minute (the answer has `samples`, 16-bit in base64, and their `hertz`).
"""

import base64
import ctypes
import json
import os
import sys
from typing import Any

import espeakng_loader

_SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: synthesize within the call and hand the samples to the callback
_UTF8 = 1
_IPA = 0x02
_RATE = 1
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Library:
    """The loaded library; its samples arrive in `collected`."""

    def __init__(self) -> None:
        self.collected = bytearray()
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._keep = _CALLBACK(self._collect)  # the library holds a bare pointer to it
        self.hertz = self._library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
        self._library.espeak_SetSynthCallback(self._keep)

    def choose(self, voice: str) -> None:
        """Use a voice from now on."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise LookupError(f"eSpeak NG has no voice {voice}")

    def samples(self, text: str, rate: int) -> bytes:
        """Return 16-bit samples of the text."""
        self.collected.clear()
        self._library.espeak_SetParameter(_RATE, rate, 0)
        content = text.encode()
        self._library.espeak_Synth(content, len(content) + 1, 0, 1, 0, _UTF8, None, None)
        return bytes(self.collected)

    def clauses(self, text: str) -> list[str]:
        """Return the IPA of each clause."""
        left = ctypes.c_char_p(text.encode())
        found = []
        while left.value:
            phonemes = self._library.espeak_TextToPhonemes(ctypes.byref(left), _UTF8, _IPA)
            found.append(phonemes.decode().strip())
        return [clause for clause in found if clause]

    def _collect(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: object) -> int:
        if samples and count > 0:
            self.collected += ctypes.string_at(samples, count * 2)
        return 0


def main() -> None:
    """Answer each line of stdin, each in a process of its own.

    The library goes on with its noise where it last stopped, and the same request is to have the same answer.
    """
    library = Library()
    library.samples("One, two, three.", 165)  # its first noise is unlike that of a library in use
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _answer(library, json.loads(line))
            os._exit(0)
        if os.waitpid(child, 0)[1] != 0:
            sys.exit(1)  # the child has said why


def _answer(library: Library, request: dict[str, Any]) -> None:
    library.choose(request["voice"])
    answer: dict[str, object]
    if request.get("phonemes"):
        answer = {"clauses": library.clauses(request["text"])}
    else:
        samples = base64.b64encode(library.samples(request["text"], request["rate"])).decode()
        answer = {"samples": samples, "hertz": library.hertz}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
