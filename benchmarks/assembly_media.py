"""The audio that assembly is measured with: synthesized once, then encoded in each format."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

_BASE_MINUTES = 10  # synthesizing costs more than repeating
_VOICE = (
    "0.3*sin(2*PI*({pitch}+40*sin(2*PI*0.7*t))*t)*(0.5+0.5*sin(2*PI*3*t))"
    "+0.1*sin(2*PI*1800*t)*(0.5+0.5*sin(2*PI*5*t))+0.05*(random({seed})-0.5)"
)
SOUND = "two swept voices in syllables of a third of a second, over noise; 44.1 kHz stereo, 48 kHz for Opus"


@dataclass(frozen=True, slots=True)
class Format:
    """A format to encode the audio in; `input_options` are the options with which FFmpeg reads it again."""

    name: str
    suffix: str
    encoding: tuple[str, ...]
    input_options: tuple[str, ...] = ()

    @property
    def compressed(self) -> bool:
        """Whether it is compressed."""
        return self.name not in {"WAV", "PCM"}


_SAMPLES = ("-f", "s16le", "-ar", "16000")
FORMATS = (
    Format("MP3", "mp3", ("-c:a", "libmp3lame", "-b:a", "128k")),
    Format("M4A", "m4a", ("-c:a", "aac", "-b:a", "128k")),
    Format("WebM/Opus", "webm", ("-c:a", "libopus", "-b:a", "64k")),
    Format("FLAC", "flac", ("-c:a", "flac")),
    Format("WAV", "wav", ("-c:a", "pcm_s16le")),
    Format("PCM", "pcm", ("-ac", "1", *_SAMPLES), (*_SAMPLES, "-ac", "1")),
)


def recordings(folder: Path, ffmpeg: str, wanted: list[Format], minutes: int) -> dict[str, Path]:
    """Return a recording of that length in each format by the format's name; missing ones are made in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    base = folder / "base.wav"
    if not base.exists():
        left, right = _VOICE.format(pitch=200, seed=0), _VOICE.format(pitch=210, seed=1)
        source = f"aevalsrc={left}|{right}:s=44100:d={_BASE_MINUTES * 60}"
        _run(ffmpeg, ["-f", "lavfi", "-i", source, "-c:a", "pcm_s16le"], base)
    found = {}
    for form in wanted:
        path = folder / f"{minutes}-minutes.{form.suffix}"
        if not path.exists():
            _run(ffmpeg, ["-stream_loop", "-1", "-i", str(base), "-t", str(minutes * 60), *form.encoding], path)
        found[form.name] = path
    return found


def _run(ffmpeg: str, arguments: list[str], result: Path) -> None:
    unfinished = result.with_name(f"unfinished-{result.name}")
    subprocess.run([ffmpeg, "-loglevel", "error", "-nostdin", "-y", *arguments, str(unfinished)], check=True)
    unfinished.rename(result)
