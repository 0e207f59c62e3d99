"""`python -m benchmarks.assembly`: times finalize to `audio.ready`, beside FFmpeg alone and the store alone."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import median

import imageio_ffmpeg

from benchmarks.assembly_media import FORMATS, SOUND, Format, recordings
from benchmarks.assembly_rounds import Timings, decoded, few_chunks, many_chunks, samples
from benchmarks.assembly_system import System, system_in

_DECODED = 1.1  # target: at most so many times FFmpeg alone
_SAMPLES = 2.0  # target: at most so many times the store's upload alone (half its speed)
_SMALL = 3.0  # target: at most so many times one put
_SMALL_ROUNDS = 15  # a round takes milliseconds


def main() -> None:
    """Measure the selected formats and print one table."""
    parser = argparse.ArgumentParser(prog="make bench-assembly", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=int, default=60, help="length of each recording")
    parser.add_argument("--only", nargs="*", default=[form.name for form in FORMATS] + ["small"], metavar="FORMAT")
    parser.add_argument("--many", type=int, default=36_000, help="chunks of a tenth of a second; 0 leaves it out")
    parser.add_argument("--folder", type=Path, help="keeps the recordings for the next run, and data while it runs")
    asyncio.run(_measure(parser.parse_args()))


async def _measure(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="roomtone-bench-") as scratch:
        ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
        wanted = [form for form in FORMATS if form.name in options.only]
        media = Path(options.folder or scratch) / "media"
        paths = await asyncio.to_thread(recordings, media, ffmpeg, wanted, options.minutes)
        async with system_in(Path(scratch)) as system:
            table = [await _format(system, form, paths[form.name], ffmpeg, options.rounds) for form in wanted]
            if "small" in options.only:
                table.append(await _small(system))
            _print(table, options)
            if options.many:
                seconds = await many_chunks(system, options.many)
                _say(f"{options.many:,} chunks of 100 ms: finalize to answer {seconds:.2f} s")
            _say(f"the assembler's memory at its highest: {_peak(system.assembler)} MB")


async def _format(system: System, form: Format, path: Path, ffmpeg: str, rounds: int) -> Timings:
    samples_only = form.name == "PCM"
    timings = Timings(form.name, "upload" if samples_only else "ffmpeg", _SAMPLES if samples_only else _DECODED)
    for number in range(rounds):
        if samples_only:
            await samples(system, path, timings)
        else:
            await decoded(system, form, path, ffmpeg, timings)
        _say(f"  {form.name} {number + 1}: {timings.bare[-1]:.2f} s bare, {timings.ours[-1]:.2f} s ours", sys.stderr)
    return timings


async def _small(system: System) -> Timings:
    timings = Timings("5 x 32 kB", "put", _SMALL)
    for _ in range(_SMALL_ROUNDS):
        await few_chunks(system, timings)
    return timings


def _print(table: Iterable[Timings], options: argparse.Namespace) -> None:
    _say(
        f"{options.minutes} minutes of sound ({SOUND}), in chunks of 1 MiB; medians of {options.rounds} rounds,\n"
        "each beside its peers in turn; ratios pair by pair. Ingest and assembler in their own processes,\n"
        "embedded store and bus, analyzer off."
    )
    _say(f"{'':11}{'peer':>8}{'peer s':>9}{'+upload':>9}{'ours s':>9}{'ours/peer':>11}{'/+upload':>10}{'target':>8}")
    for row in table:
        uploaded, ratio = row.uploaded, row.ratio_uploaded
        _say(
            f"{row.name:11}{row.peer:>8}{median(row.bare):>9.3f}"
            f"{f'{median(uploaded):.3f}' if uploaded else '':>9}{median(row.ours):>9.3f}{row.ratio:>11.2f}"
            f"{f'{ratio:.2f}' if ratio else '':>10}{row.target:>8.1f}  {'reached' if row.reached else 'NOT reached'}"
        )


def _peak(pid: int) -> int:
    """Return a process's highest resident memory in megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1000


def _say(line: str, to: object = None) -> None:
    print(line, file=to or sys.stdout, flush=True)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
