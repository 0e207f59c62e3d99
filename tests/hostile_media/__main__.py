"""`python -m tests.hostile_media`: the long form, with a seed to repeat it by."""

import argparse
import asyncio
import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from shared.observability.logs import configure_logging
from tests.hostile_media.mutation import CorruptFile, mutated, truncated
from tests.hostile_media.run import run
from tests.integration.audio_files import CODECS, encoded

_FIRST = 4096


def main() -> None:
    """Run it; ends with status 1 when something of ours broke, hung or stayed behind."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile_media")
    parser.add_argument("--files", type=int, default=2800, help="how many mutated files (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="what they are made from (default: a random one)")
    parser.add_argument("--every", type=int, default=1, help="cut at every so many of the first 4,096 bytes; 0: none")
    parser.add_argument("--forms", default=",".join(CODECS), help="which forms to cut (default: all)")
    parser.add_argument("--at-once", type=int, default=4, help="decodes beside each other (default: %(default)s)")
    wanted = parser.parse_args()
    configure_logging(level="warning", style="auto")
    seed = secrets.randbelow(10**9) if wanted.seed is None else wanted.seed
    sys.stdout.write(f"fuzz-media: seed {seed}\n")
    for form in CODECS:
        encoded(form)
    good = _tell("mutated", mutated(seed, wanted.files), wanted.at_once) if wanted.files else True
    for form in wanted.forms.split(",") if wanted.every else ():
        good &= _tell(f"{form} cut off", truncated(form, range(0, _FIRST, wanted.every)), wanted.at_once)
    sys.exit(0 if good else 1)


def _tell(what: str, files: Iterator[CorruptFile], at_once: int) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        summary = asyncio.run(run(files, Path(folder), at_once=at_once))
    sys.stdout.writelines(f"{line}\n" for line in (f"fuzz-media: {what}", *summary.lines()))
    sys.stdout.flush()
    return summary.sound


if __name__ == "__main__":
    main()
