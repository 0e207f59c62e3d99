"""Small files that decode to very large ones, and files with false headers."""

import struct
import subprocess
import tempfile
from functools import cache

import imageio_ffmpeg

from tests.integration.audio_files import RATE, tone

_HOURS = 3
_SILENCE = f"anullsrc=r={RATE}:cl=mono"


@cache
def silence(codec: str, form: str, *more: str) -> bytes:
    """Return three hours of silence in a small file: an encoded minute, repeated without decoding."""
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y"]
    with tempfile.NamedTemporaryFile(suffix=f".{form}") as minute, tempfile.NamedTemporaryFile() as hours:
        make = ["-f", "lavfi", "-t", "60", "-i", _SILENCE, "-c:a", codec, *more, "-f", form]
        subprocess.run([*ffmpeg, *make, minute.name], check=True)
        repeat = ["-stream_loop", str(_HOURS * 60 - 1), "-i", minute.name, "-c", "copy", "-f", form]
        subprocess.run([*ffmpeg, *repeat, hours.name], check=True)
        return hours.read()


BOMBS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "opus": ("libopus", "ogg", ("-b:a", "500", "-frame_duration", "60")),
    "opus in webm": ("libopus", "webm", ("-b:a", "500", "-frame_duration", "60")),
    "flac": ("flac", "flac", ("-compression_level", "0", "-frame_size", "32768")),
    "mp3": ("libmp3lame", "mp3", ("-b:a", "8k")),
    "aac": ("aac", "adts", ("-b:a", "500")),
    "m4a": ("aac", "ipod", ("-b:a", "500")),
}


def wav(samples: bytes, *, channels: int = 1, claims: int | None = None, rate: int = RATE) -> bytes:
    """Return a WAV whose header claims `claims` bytes of samples, whatever it really has."""
    size = len(samples) if claims is None else claims
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2 & 0xFFFFFFFF, channels * 2 & 0xFFFF, 16)
    head = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", min(size + 36, 0xFFFFFFFF)) + head + samples


@cache
def files_with_false_headers() -> dict[str, bytes]:
    """Return files with false headers, each with two seconds of a tone in it."""
    two = tone(2)
    return {
        "4 GB in a WAV": wav(two, claims=0xFFFFFFF0),
        "2 GB in a WAV": wav(two, claims=0x7FFFFFFF),
        "384 channels": wav(two * 384, channels=384),
        "65,535 channels": wav(two, channels=65535),
        "no channel": wav(two, channels=0),
        "4 billion samples a second": wav(two, rate=0xFFFFFFFF),
        "no sample a second": wav(two, rate=0),
        "one sample a second": wav(two, rate=1),
    }
