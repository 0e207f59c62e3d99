"""Rated files are scored by the local models, each once, before a calibration is fitted."""

import subprocess
import sys
from pathlib import Path

import pytest

from services.analyzer.score.calibration import Calibration
from tests.evaluation.speech.espeak import Espeak
from tests.evaluation.speech.samples import as_wav, leveled

CALM = (
    "Good morning, I would like to book a table for two on Friday evening, please. Thank you very much, see you then."
)
HOT = "You filthy liar, I hate you. I am going to kill you, do you hear me? You are a dead man, you stupid bastard."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rated")
    espeak = Espeak()
    try:
        for name, text in (("calm", CALM), ("hot", HOT)):
            (folder / f"{name}.wav").write_bytes(as_wav(leveled(espeak.say(text, "en-us"), -30)))
    finally:
        espeak.close()
    return folder


def calibrate(folder: Path, rows: list[str]) -> subprocess.CompletedProcess[str]:
    (folder / "ratings.csv").write_text("\n".join(["file,rating", *rows]))
    command = [sys.executable, "-m", "services.analyzer", "calibrate", str(folder / "ratings.csv")]
    out = ["--out", str(folder / "calibration.json")]
    return subprocess.run([*command, *out], capture_output=True, text=True, check=False)


def test_files_that_several_people_rated_become_a_calibration_of_their_scorer(folder: Path) -> None:
    run = calibrate(folder, ["calm.wav,4", "calm.wav,6", "hot.wav,90", "hot.wav,98"] * 5)
    assert run.returncode == 0, run.stderr
    scored = dict(line.rsplit(": ", 1) for line in run.stderr.splitlines())
    assert list(scored) == [str(folder / "calm.wav"), str(folder / "hot.wav")]
    calibration = Calibration.load(folder / "calibration.json")
    assert [calibration.apply(int(temperature)) for temperature in scored.values()] == [5, 94]
    assert calibration.scorer is not None
    assert f"scored by {calibration.scorer}" in run.stdout


def test_a_file_that_is_not_there_is_named(folder: Path) -> None:
    run = calibrate(folder, ["gone.wav,4", "gone.wav,6"] * 10)
    assert (run.returncode, run.stdout) == (1, "")
    assert "gone.wav" in run.stderr
