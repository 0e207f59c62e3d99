"""Makes recordings of two channels with FFmpeg, and looks at what became of them."""

import subprocess
import tempfile
from functools import cache

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from tests.integration.audio_files import CODECS, RATE, tone

LEFT_HERTZ, RIGHT_HERTZ = 440.0, 700.0
STEREO_CODECS = [name for name in CODECS if name not in {"mulaw.wav", "amr"}]
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def side(hertz: float, seconds: int, *, speaks_first: bool) -> NDArray[np.int16]:
    """Return one side of a call whose parties take turns of a second: a tone, then silence, or the reverse."""
    samples = np.frombuffer(tone(seconds, hertz), "<i2").reshape(seconds, RATE).copy()
    samples[int(speaks_first) :: 2] = 0
    return samples.reshape(-1)


def call(seconds: int = 4) -> bytes:
    """Return the interleaved samples of a call: 440 Hz on the left and 700 Hz on the right in turns."""
    return interleaved(side(LEFT_HERTZ, seconds, speaks_first=True), side(RIGHT_HERTZ, seconds, speaks_first=False))


def interleaved(left: NDArray[np.int16], right: NDArray[np.int16]) -> bytes:
    """Return the samples of two channels as they lie in a file."""
    return np.stack((left, right), axis=1).astype("<i2").tobytes()


def sides(samples: bytes) -> tuple[bytes, bytes]:
    """Return the left and the right channel of interleaved samples."""
    both = np.frombuffer(samples, "<i2").reshape(-1, 2)
    return both[:, 0].tobytes(), both[:, 1].tobytes()


@cache
def encoded_channels(name: str, samples: bytes, channels: int = 2) -> bytes:
    """Return interleaved samples at 16 kHz as a file of a given kind, as `audio_files.encoded` does for one."""
    given = ("-f", "s16le", "-ar", str(RATE), "-ac", str(channels), "-i", "pipe:0")
    with tempfile.NamedTemporaryFile() as file:
        command = [FFMPEG, "-loglevel", "error", *given, *CODECS[name], "-y", file.name]
        subprocess.run(command, input=samples, check=True)
        return file.read()


def decoded_flac(flac: bytes) -> bytes:
    """Return the samples of a FLAC as FFmpeg decodes it, after checking that it is of two channels at 16 kHz."""
    assert flac[:4] == b"fLaC"
    rate_channels_bits = int.from_bytes(flac[18:22], "big")  # STREAMINFO: 20 bits, 3 bits less one, 5 bits less one
    assert (rate_channels_bits >> 12, rate_channels_bits >> 9 & 7) == (RATE, 1)
    command = [FFMPEG, "-loglevel", "error", "-i", "pipe:0", "-f", "s16le", "pipe:1"]
    return subprocess.run(command, input=flac, check=True, capture_output=True).stdout


def mixed_by_ffmpeg(content: bytes) -> NDArray[np.int16]:
    """Return a file's sound as FFmpeg mixes it to one channel."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        command = [FFMPEG, "-loglevel", "error", "-i", file.name, "-ac", "1", "-ar", str(RATE), "-f", "s16le", "pipe:1"]
        return np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, "<i2")
