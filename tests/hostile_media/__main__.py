"""`python -m tests.hostile_media`: the long form of the tests, repeatable by its seed."""

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
    """Run it; exit status 1 if anything of ours failed, hung or was left behind."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile_media")
    parser.add_argument("--files", type=int, default=2800, help="how many mutated files (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="what they are made from (default: a random one)")
    parser.add_argument("--every", type=int, default=1, help="cut at every so many of the first 4,096 bytes; 0: none")
    parser.add_argument("--forms", default=",".join(CODECS), help="which forms to cut (default: all)")
    parser.add_argument("--at-once", type=int, default=4, help="decodes beside each other (default: %(default)s)")
    options = parser.parse_args()
    configure_logging(level="warning", style="auto")
    seed = secrets.randbelow(10**9) if options.seed is None else options.seed
    sys.stdout.write(f"fuzz-media: seed {seed}\n")
    for form in CODECS:
        encoded(form)
    good = _run_and_print("mutated", mutated(seed, options.files), options.at_once) if options.files else True
    for form in options.forms.split(",") if options.every else ():
        good &= _run_and_print(f"{form} cut off", truncated(form, range(0, _FIRST, options.every)), options.at_once)
    sys.exit(0 if good else 1)


def _run_and_print(what: str, files: Iterator[CorruptFile], at_once: int) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        summary = asyncio.run(run(files, Path(folder), at_once=at_once))
    sys.stdout.writelines(f"{line}\n" for line in (f"fuzz-media: {what}", *summary.lines()))
    sys.stdout.flush()
    return summary.sound


if __name__ == "__main__":
    main()
