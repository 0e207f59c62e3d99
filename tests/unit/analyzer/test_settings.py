from pathlib import Path

import pytest
from pydantic import ValidationError

from services.analyzer.settings import AnalyzerSettings

STORE = {
    "s3_endpoint_url": "http://127.0.0.1:9",
    "s3_access_key": "key",
    "s3_secret_key": "secret",
    "s3_bucket_name": "bucket",
}


@pytest.fixture(autouse=True)
def _no_key_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "PORT"):
        monkeypatch.delenv(name, raising=False)


def settings(**given: object) -> AnalyzerSettings:
    return AnalyzerSettings.model_validate(STORE | given)


def test_only_the_store_has_no_default() -> None:
    made = settings()
    assert (made.port, made.openai_api_key, made.openai_transcribe_model) == (5001, None, "whisper-1")


def test_the_key_is_read_from_the_environment_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    made = AnalyzerSettings.model_validate(STORE)
    assert made.openai_api_key is not None
    assert made.openai_api_key.get_secret_value() == "sk-very-secret"
    assert "very-secret" not in repr(made)


def test_extensions_are_a_comma_separated_list_with_or_without_dots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_EXTENSIONS", ".WAV, mp3,")
    assert AnalyzerSettings.model_validate(STORE).allowed_extensions == ("wav", "mp3")


def test_the_largest_file_is_given_in_megabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_FILE_SIZE", "0.5")
    assert AnalyzerSettings.model_validate(STORE).file_limits().size == 512 * 1024


@pytest.mark.parametrize(
    "fault",
    [
        {"allowed_extensions": ","},
        {"allowed_extensions": "wav,../x"},
        {"max_file_size": 0},
        {"max_duration_seconds": 0},
        {"rate_limit_per_minute": -1},
        {"analyze_concurrency": 0},
        {"ffmpeg_path": "/no/such/program"},
        {"openai_api_key": "sk-pasted\n"},
        {"openai_base_url": "api.openai.com/v1"},
        {"analyzer_concurrency": 0},
        {"model_deadline_seconds": 0},
        {"analysis_tries": 0},
    ],
)
def test_invalid_settings_are_rejected_at_the_start(fault: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        settings(**fault)


def test_a_calibration_that_can_not_be_used_is_a_fault_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="can't be read: No such file"):
        settings(calibration_file=tmp_path / "none.json")
    path = tmp_path / "calibration.json"
    path.write_text('{"format": "roomtone-calibration-1", "ratings": 20, "knots": [[1, 90], [100, 2]]}')
    with pytest.raises(ValidationError, match="must not fall"):
        settings(calibration_file=path)
    path.write_text('{"format": "roomtone-calibration-1", "ratings": 20, "knots": [[1, 11], [100, 90]]}')
    calibration = settings(calibration_file=path).calibration()
    assert calibration is not None
    assert (calibration.apply(1), calibration.apply(100)) == (11, 90)
    assert settings().calibration() is None


def model_folder(tmp_path: Path, *files: str) -> Path:
    for file in ("tokens.txt", *files):
        (tmp_path / file).touch()
    return tmp_path


def test_a_model_that_tells_no_language_needs_one_named(tmp_path: Path) -> None:
    folder = model_folder(tmp_path, "encoder.onnx", "decoder.onnx", "joiner.onnx")
    with pytest.raises(ValidationError, match="MODEL_LANGUAGE"):
        settings(model_dir=folder)
    assert settings(model_dir=folder, model_language="de").model_dir == folder


def test_a_model_that_tells_its_language_needs_none_named(tmp_path: Path) -> None:
    assert settings(model_dir=model_folder(tmp_path, "tiny-encoder.onnx", "tiny-decoder.onnx")).model_dir


def test_a_folder_without_a_model_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="no model"):
        settings(model_dir=model_folder(tmp_path), model_language="de")
