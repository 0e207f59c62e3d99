import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from services.analyzer.score.calibration import Calibration, CalibrationError, fit

RATED = st.lists(st.tuples(st.integers(1, 100), st.integers(1, 100)), min_size=2, max_size=60).filter(
    lambda pairs: len({temperature for temperature, _ in pairs}) > 1
)


@given(RATED)
def test_no_higher_temperature_ever_becomes_the_lower_one(pairs: list[tuple[int, int]]) -> None:
    ours, theirs = zip(*pairs, strict=True)
    calibration = fit(ours, theirs)
    calibrated = [calibration.apply(temperature) for temperature in range(1, 101)]
    assert calibrated == sorted(calibrated)
    assert all(1 <= temperature <= 100 for temperature in calibrated)


@given(RATED)
def test_the_fit_is_the_isotonic_regression_at_every_rated_temperature(pairs: list[tuple[int, int]]) -> None:
    ours, theirs = zip(*pairs, strict=True)
    reference = IsotonicRegression().fit(ours, theirs)
    calibration = fit(ours, theirs)
    assert [calibration.exact(each) for each in ours] == pytest.approx(reference.predict(ours))


def test_ratings_in_the_order_of_the_temperatures_are_met_and_lines_join_them() -> None:
    calibration = fit([10, 20, 40], [5, 30, 70])
    assert [calibration.apply(each) for each in (1, 10, 15, 20, 30, 40, 100)] == [5, 5, 18, 30, 50, 70, 70]


def test_recordings_of_one_temperature_alone_can_not_be_calibrated() -> None:
    with pytest.raises(CalibrationError, match="same temperature"):
        fit([30, 30, 30], [10, 50, 90])


def test_a_saved_calibration_is_loaded_as_it_was(tmp_path: Path) -> None:
    calibration = fit([1, 50, 50, 90], [3, 40, 45, 99], "local-2")
    calibration.save(tmp_path / "calibration.json")
    assert Calibration.load(tmp_path / "calibration.json") == calibration


VALID = {"format": "roomtone-calibration-1", "scorer": None, "ratings": 40, "knots": [[1, 1], [100, 90]]}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"knots": [[1, 1]]}, "knots"),
        ({"knots": [[50, 1], [20, 90]]}, "must rise"),
        ({"knots": [[1, 90], [20, 10]]}, "must not fall"),
        ({"knots": [[0, 90], [20, 10]]}, "1 to 100"),
        ({"format": "other"}, "format"),
        ({"ratings": "many"}, "ratings"),
        ({"slope": 2}, "slope"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path: Path, changed: dict[str, object], named: str) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(VALID | changed))
    with pytest.raises(CalibrationError, match=named):
        Calibration.load(path)


def test_a_file_that_is_not_there_or_not_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="can't be read: No such file"):
        Calibration.load(tmp_path / "none.json")
    (tmp_path / "cut.json").write_text('{"format"')
    with pytest.raises(CalibrationError, match=r"cut\.json is not valid"):
        Calibration.load(tmp_path / "cut.json")
