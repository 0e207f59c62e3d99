"""Where the engines' programs lie: PyPI packages put them beside the interpreter."""

import shutil
import sys
from pathlib import Path

from deploy.local.engine import EngineError


def find_program(name: str, *, package: str) -> str:
    """Return the path of a program; raises EngineError naming the `package` that brings it."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise EngineError(f"{name} is not installed: install the Python package {package}, or put {name} on the PATH")
    return found
