from pathlib import Path

import pytest

from services.analyzer.transcribe.onnx_metadata import onnx_metadata
from tests.unit.analyzer.onnx_files import write_model


def test_metadata_is_read_and_the_weights_before_it_are_skipped(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    metadata = {"model_type": "whisper-tiny", "all_language_codes": "en,de," * 50, "": ""}
    write_model(file, metadata)
    assert onnx_metadata(file) == metadata


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"ORTM" * 500,
        bytes(100_000),
        b"\xff" * 100,
        b"\x72\xff\xff\xff\xff\x7f",
        b"\x72\x02\x0a\x7f",
        b"version https",
    ],
)
def test_a_file_that_is_no_model_has_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(content)
    assert "model_type" not in onnx_metadata(file)


def test_every_beginning_of_a_file_is_read_without_fault(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    write_model(file, {"model_type": "tdnn", "version": "1"}, weights=b"w")
    whole = file.read_bytes()
    for size in range(len(whole)):
        file.write_bytes(whole[:size])
        assert onnx_metadata(file) in ({}, {"model_type": "tdnn"})
