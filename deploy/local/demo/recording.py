"""The recording to send: a given file, or the speech sample that comes with the local model."""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.local.demo.errors import DemoError

_SAMPLE = Path("assets") / "two_cities.wav"
_PACKAGE = "moonshine_voice"


@dataclass(frozen=True, slots=True)
class Recording:
    """A file to send in pieces; `size` in bytes."""

    path: Path
    size: int

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield the file's bytes in pieces of `size`, cut anywhere, as a streaming recorder would send them."""
        with self.path.open("rb") as file:
            while piece := file.read(size):
                yield piece


def open_recording(name: str | None) -> Recording:
    """Return the named recording, or the sample without a name; raises DemoError if it can't be read or is empty."""
    path = Path(name).expanduser() if name else _sample()
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
    except OSError as exc:
        raise DemoError(f"{path} can't be read ({exc.strerror}): FILE must name an audio file.") from exc
    if size == 0:
        raise DemoError(f"{path} is empty: FILE must name an audio file.")
    return Recording(path, size)


def _sample() -> Path:
    """Find the sample without loading the model beside it."""
    package = importlib.util.find_spec(_PACKAGE)
    if package is None or package.origin is None:
        raise DemoError(f"The sample lies in the package {_PACKAGE}, which is not installed: name a FILE instead.")
    return Path(package.origin).parent / _SAMPLE
