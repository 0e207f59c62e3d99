"""Content-addressed files in `.bench/`, which git ignores: what takes long to make is made once."""

import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3] / ".bench" / "evaluation"


class ContentCache:
    """Bytes by the hash of what they were made from; safe between processes, since a file is complete or absent."""

    def __init__(self, name: str, root: Path = ROOT) -> None:
        self._folder = root / name

    def get(self, *made_from: Any) -> bytes | None:
        """Return what was made from these JSON values, None if nothing was yet."""
        try:
            return self._path(made_from).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, content: bytes, *made_from: Any) -> None:
        """Keep what was made from these JSON values."""
        path = self._path(made_from)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)

    def once(self, make: Callable[[], bytes], *made_from: Any) -> bytes:
        """Return what was made from these JSON values, making it if need be."""
        content = self.get(*made_from)
        if content is None:
            content = make()
            self.put(content, *made_from)
        return content

    def _path(self, made_from: tuple[Any, ...]) -> Path:
        key = hashlib.sha256(json.dumps(made_from, ensure_ascii=False).encode()).hexdigest()
        return self._folder / key[:2] / key
