import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from services.analyzer.calibrate import parse_ratings, rank_correlation
from services.analyzer.score.calibration import Calibration, CalibrationError


def calibrate(ratings: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services.analyzer", "calibrate", str(ratings), "--out", str(out)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def csv_of(pairs: list[tuple[float, float]], header: str = "temperature,rating") -> str:
    return "\n".join([header, *(f"{temperature},{rating}" for temperature, rating in pairs)]) + "\n"


RISING = [(float(number * 3 + 1), float(min(number * 4 + 1, 100))) for number in range(30)]


def test_ratings_become_a_calibration_that_has_no_need_of_a_bucket(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text(csv_of(RISING))
    run = calibrate(tmp_path / "ratings.csv", tmp_path / "calibration.json")
    assert (run.returncode, run.stderr) == (0, "")
    assert "30 rated recordings" in run.stdout
    assert "rank correlation of temperatures and ratings  1.00" in run.stdout
    calibration = Calibration.load(tmp_path / "calibration.json")
    assert [calibration.apply(each) for each in (1, 31, 61)] == [1, 41, 81]
    before, after = [float(line.split()[-1]) for line in run.stdout.splitlines() if line.startswith("mean error")]
    assert after < 3 < before


def test_ratings_against_the_order_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text(csv_of([(ours, 101 - theirs) for ours, theirs in RISING]))
    run = calibrate(tmp_path / "ratings.csv", tmp_path / "calibration.json")
    assert (run.returncode, run.stdout) == (1, "")
    assert "do not rise with the temperatures" in run.stderr
    assert not (tmp_path / "calibration.json").exists()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (csv_of(RISING[:19]), "19 ratings are too few: at least 20"),
        (csv_of([(ours, 50.0) for ours, _ in RISING]), "all ratings are the same"),
        (csv_of(RISING, header="score,rating"), "must name the columns"),
        ("", "must name the columns"),
        (csv_of([*RISING, (5.0, 120.0)]), "the rating in line 32 is no number from 1 to 100"),
        (csv_of(RISING) + "7,\n", "line 32 has no rating"),
        (csv_of(RISING) + "7,hot\n", "the rating in line 32"),
    ],
)
def test_what_is_wrong_with_the_ratings_is_named(content: str, named: str) -> None:
    with pytest.raises(CalibrationError, match=named):
        parse_ratings(content)


def test_columns_may_stand_in_any_order_beside_others() -> None:
    content = csv_of([(rating, ours) for ours, rating in RISING], header="rating, temperature")
    source, rows = parse_ratings(content)
    assert (source, rows[1]) == ("temperature", ("4.0", 5.0))


def test_equal_values_share_their_rank() -> None:
    ours, theirs = np.array([1.0, 1, 2, 3, 3, 9]), np.array([2.0, 1, 1, 5, 4, 4])
    assert rank_correlation(ours, theirs) == pytest.approx(spearmanr(ours, theirs).statistic)
