"""Makes test recordings with FFmpeg: a tone that can be recognized after any codec."""

import io
import math
import struct
import subprocess
import tempfile
import wave
from functools import cache

import imageio_ffmpeg

RATE = 16_000

CODECS: dict[str, list[str]] = {
    "wav": ["-c:a", "pcm_s16le", "-f", "wav"],
    "w64": ["-c:a", "pcm_s24le", "-f", "w64"],
    "mulaw.wav": ["-c:a", "pcm_mulaw", "-ar", "8000", "-f", "wav"],
    "rf64.wav": ["-c:a", "pcm_s16le", "-rf64", "always", "-f", "wav"],
    "mp3": ["-c:a", "libmp3lame", "-f", "mp3"],
    "untagged.mp3": ["-c:a", "libmp3lame", "-id3v2_version", "0", "-write_xing", "0", "-f", "mp3"],
    "flac": ["-c:a", "flac", "-f", "flac"],
    "ogg": ["-c:a", "libopus", "-f", "ogg"],
    "vorbis.ogg": ["-c:a", "libvorbis", "-f", "ogg"],
    "webm": ["-c:a", "libopus", "-f", "webm"],
    "aac": ["-c:a", "aac", "-f", "adts"],
    "m4a": ["-c:a", "aac", "-f", "ipod"],
    "fragmented.m4a": ["-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-f", "ipod"],
    "amr": ["-c:a", "libopencore_amrnb", "-ar", "8000", "-f", "amr"],
}


def tone(seconds: float, hertz: float = 440.0) -> bytes:
    """Return PCM samples of a sine of whole hertz at half of full scale."""
    second = struct.pack(f"<{RATE}h", *(int(16000 * math.sin(math.tau * hertz * n / RATE)) for n in range(RATE)))
    return (second * math.ceil(seconds))[: int(seconds * RATE) * 2]


@cache
def encoded(name: str, seconds: float = 2.0) -> bytes:
    """Return the tone as a file of the given kind."""
    return ffmpeg_output(*CODECS[name], seconds=seconds)


def ffmpeg_output(*options: str, seconds: float = 2.0) -> bytes:
    """Return what FFmpeg makes of the tone; through a temporary file, since some formats have their index last."""
    given = ["-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", "pipe:0"]
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    with tempfile.NamedTemporaryFile() as file:
        command = [ffmpeg, "-loglevel", "error", *given, *options, "-y", file.name]
        subprocess.run(command, input=tone(seconds), check=True)
        return file.read()


def strength(pcm: bytes, hertz: float = 440.0) -> float:
    """Return how much of the signal's energy lies at `hertz`, from 0 to 1 (Goertzel)."""
    samples = struct.unpack(f"<{len(pcm) // 2}h", pcm)
    coefficient = 2 * math.cos(math.tau * hertz / RATE)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + coefficient * last - before
    power = before**2 + last**2 - coefficient * before * last
    energy = sum(sample * sample for sample in samples)
    return 2 * power / (len(samples) * energy) if energy else 0.0


def samples_of(content: bytes) -> bytes:
    """Return a WAV's samples after checking that it is in the format of docs/contracts.md."""
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, RATE, 2)
        samples: bytes = file.readframes(file.getnframes())
        return samples
