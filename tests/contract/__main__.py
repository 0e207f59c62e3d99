"""`make contract`: the same probe as in the tests, with more examples if asked for."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.contract.probe import probe


def main() -> int:
    """Print schemathesis' output and a line that sums it up; returns 1 if a case failed."""
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(probe(Path(folder), sys.argv[1:]))
    sys.stdout.write(f"{result.output}\n{result.summary}\n")
    return 0 if result.passed else 1


if __name__ == "__main__":
    sys.exit(main())
