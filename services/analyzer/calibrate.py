"""The command `calibrate`: fits a calibration to recordings that people rated, and says what it is worth."""

import argparse
import asyncio
import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.analyzer.local_analyzer import analyze_content, file_analyzer, open_local
from services.analyzer.score.calibration import HIGHEST, LOWEST, CalibrationError, fit
from shared.domain.errors import RoomtoneError

_FEWEST = 20  # ratings: below, the map follows chance
_FOLDS = 5
_TEMPERATURE, _FILE, _RATING = "temperature", "file", "rating"


@dataclass(frozen=True, slots=True)
class RatedRecordings:
    """Temperatures and what people gave for the same recordings, and the scorer that the temperatures are from."""

    temperatures: tuple[float, ...]
    ratings: tuple[float, ...]
    scorer: str | None = None


def add_calibrate_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("ratings", type=Path, help="a CSV file with the columns temperature,rating or file,rating")
    parser.add_argument("--out", type=Path, default=Path("calibration.json"), help="where the calibration goes")


def run_calibrate(arguments: argparse.Namespace) -> int:
    """Fit and write a calibration; returns 1, and says why, if the ratings do not suffice."""
    try:
        source, rows = parse_ratings(arguments.ratings.read_text(encoding="utf-8-sig"))
        rated = asyncio.run(_rated(source, rows, arguments.ratings.parent))
        calibration = fit(rated.temperatures, rated.ratings, rated.scorer)
        lines = evaluation(rated)
        calibration.save(arguments.out)
    except (CalibrationError, RoomtoneError, OSError, UnicodeDecodeError) as exc:
        sys.stderr.write(f"calibrate: {exc}\n")
        return 1
    lines.append(f"Written to {arguments.out}. Set CALIBRATION_FILE to its path and restart the analyzer.")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def parse_ratings(content: str) -> tuple[str, list[tuple[str, float]]]:
    """Return the name of the first column, `temperature` or `file`, and the rows; raises CalibrationError."""
    reader = csv.DictReader(content.splitlines(), skipinitialspace=True)
    columns = [name.strip() for name in reader.fieldnames or ()]
    source = next((name for name in (_TEMPERATURE, _FILE) if name in columns), None)
    if source is None or _RATING not in columns:
        raise CalibrationError("the first line must name the columns: temperature,rating or file,rating")
    reader.fieldnames = columns
    rows = [(_cell(row, source, number), _number(row, _RATING, number)) for number, row in enumerate(reader, start=2)]
    ratings = [rating for _, rating in rows]
    if len(ratings) < _FEWEST:
        raise CalibrationError(f"{len(ratings)} ratings are too few: at least {_FEWEST} are needed")
    if len(set(ratings)) == 1:
        raise CalibrationError("all ratings are the same, so they tell nothing about the temperatures")
    return source, rows


def evaluation(rated: RatedRecordings) -> list[str]:
    """Return what a calibration is worth, in lines to print: order, and the mean error without and with it.

    The error with it is of recordings that were left out of the fit: each fifth of them in turn.
    """
    ours, theirs = np.array(rated.temperatures), np.array(rated.ratings)
    before = float(np.abs(ours - theirs).mean())
    scorer = f", scored by {rated.scorer}" if rated.scorer else ""
    return [
        f"{len(ours)} rated recordings{scorer}",
        f"rank correlation of temperatures and ratings  {rank_correlation(ours, theirs):.2f}",
        f"mean error without a calibration              {before:.1f}",
        f"mean error with one, on recordings left out   {_left_out_error(ours, theirs):.1f}",
    ]


def rank_correlation(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    """Return Spearman's rank correlation; equal values share their mean rank."""
    return float(np.corrcoef(_ranks(ours), _ranks(theirs))[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2)[places]
    return ranks


def _left_out_error(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    """Return the mean error over folds that each hold every fifth recording, in the order of temperatures."""
    fold = np.empty(len(ours), np.int64)
    fold[np.argsort(ours, kind="stable")] = np.arange(len(ours)) % _FOLDS
    errors = np.empty(len(ours))
    for number in range(_FOLDS):
        out = fold == number
        calibration = fit(ours[~out].tolist(), theirs[~out].tolist())
        errors[out] = np.abs(np.array([calibration.exact(each) for each in ours[out]]) - theirs[out])
    return float(errors.mean())


async def _rated(source: str, rows: Sequence[tuple[str, float]], folder: Path) -> RatedRecordings:
    ratings = tuple(rating for _, rating in rows)
    scorer = None
    if source == _FILE:
        temperatures, scorer = await _scored([folder / name for name, _ in rows])
    else:
        temperatures = [_in_range(cell, _TEMPERATURE, line) for line, (cell, _) in enumerate(rows, start=2)]
    if len(set(temperatures)) == 1:
        raise CalibrationError("all recordings have the same temperature, so there is no order to calibrate")
    rated = RatedRecordings(tuple(temperatures), ratings, scorer)
    if rank_correlation(np.array(rated.temperatures), np.array(ratings)) <= 0:
        raise CalibrationError("the ratings do not rise with the temperatures, so no monotone map helps")
    return rated


async def _scored(paths: Sequence[Path]) -> tuple[list[float], str]:
    """Return the temperature that the local models give each file, and the scorer's name; a file is scored once."""
    temperatures: dict[Path, float] = {}
    scorer = ""
    async with open_local() as models:
        analyzer = file_analyzer(*models)
        for path in dict.fromkeys(paths):
            analysis = (await analyze_content(analyzer, path.read_bytes())).analysis
            if analysis.confidence == 0:
                raise CalibrationError(f"no speech was understood in {path}: leave it out")
            temperatures[path] = analysis.temperature
            scorer = analysis.scorer
            sys.stderr.write(f"{path}: {analysis.temperature}\n")
    return [temperatures[path] for path in paths], scorer


def _cell(row: dict[str, str], column: str, line: int) -> str:
    cell = (row.get(column) or "").strip()
    if not cell:
        raise CalibrationError(f"line {line} has no {column}")
    return cell


def _number(row: dict[str, str], column: str, line: int) -> float:
    return _in_range(_cell(row, column, line), column, line)


def _in_range(cell: str, column: str, line: int) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if not LOWEST <= value <= HIGHEST:
        raise CalibrationError(f"the {column} in line {line} is no number from {LOWEST} to {HIGHEST}")
    return value
