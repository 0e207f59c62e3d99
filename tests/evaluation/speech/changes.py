"""Changes of a recording that leave what is said and how as it is: the temperature must stay."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from tests.evaluation.speech.samples import Samples, as_wav, decibels, of_pcm, silence

_AUDIBLE = 0.05  # of the loudest sample: what is softer does not count for the level of speech
_PADDING = 4.0  # seconds of silence before and behind


def padded(samples: Samples) -> Samples:
    """Return the recording with silence around it."""
    return np.concatenate([silence(_PADDING), samples, silence(_PADDING)])


def doubled(samples: Samples) -> Samples:
    """Return the recording twice, one after the other."""
    return np.concatenate([samples, silence(1.0), samples])


def noisy(samples: Samples, snr: float, seed: int = 1) -> Samples:
    """Return the recording with white noise `snr` dB below its speech."""
    return _with(samples, np.random.default_rng(seed).standard_normal(len(samples)), snr)


def rumbling(samples: Samples, snr: float, seed: int = 1) -> Samples:
    """Return the recording with pink noise, as much in every octave, `snr` dB below its speech."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(len(samples)))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    noise = np.fft.irfft(spectrum, len(samples))
    return _with(samples, noise / noise.std(), snr)


def louder(samples: Samples, gain: float) -> Samples:
    """Return the whole recording with a gain in dB."""
    return samples * decibels(gain)


def through(samples: Samples, *, encode: Sequence[str], container: str, filters: str = "anull") -> Samples:
    """Return the recording encoded and decoded again by FFmpeg."""
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error"]
    encoded = _piped([*ffmpeg, "-i", "pipe:0", "-af", filters, *encode, "-f", container, "pipe:1"], as_wav(samples))
    decoded = [*ffmpeg, "-f", container, "-i", "pipe:0", "-f", "s16le", "-ac", "1", "-ar", "16000", "pipe:1"]
    return of_pcm(_piped(decoded, encoded))


def _with(samples: Samples, noise: NDArray[np.float64], snr: float) -> Samples:
    audible = samples[np.abs(samples) > _AUDIBLE * np.abs(samples).max()]
    level = np.sqrt(np.mean(np.square(audible))) / decibels(snr)
    return np.asarray(samples + noise.astype(np.float32) * level, np.float32)


def _piped(command: Sequence[str], content: bytes) -> bytes:
    return subprocess.run(command, input=content, capture_output=True, check=True).stdout


def _stretched(factor: float) -> Callable[[Samples], Samples]:
    return partial(through, encode=["-c:a", "pcm_s16le"], container="wav", filters=f"atempo={factor}")


def _codec(container: str, *encode: str) -> Callable[[Samples], Samples]:
    return partial(through, encode=["-c:a", *encode], container=container)


INVARIANT: Mapping[str, Callable[[Samples], Samples]] = {
    "6 dB louder": partial(louder, gain=6),
    "6 dB softer": partial(louder, gain=-6),
    "silence around": padded,
    "twice": doubled,
    "10 % faster": _stretched(1.1),
    "10 % slower": _stretched(0.9),
    "Opus 24 kbit/s": _codec("ogg", "libopus", "-b:a", "24k"),
    "MP3 48 kbit/s": _codec("mp3", "libmp3lame", "-b:a", "48k"),
    "8 kHz": _codec("wav", "pcm_s16le", "-ar", "8000"),
    "G.711 µ-law": _codec("wav", "pcm_mulaw", "-ar", "8000"),
    "AMR 12.2 kbit/s": _codec("amr", "libopencore_amrnb", "-ar", "8000", "-ac", "1", "-b:a", "12.2k"),
}
