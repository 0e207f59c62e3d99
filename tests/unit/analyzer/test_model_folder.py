from pathlib import Path

import pytest

from services.analyzer.transcribe.model_folder import ModelKind, recognise
from tests.unit.analyzer.onnx_files import write_model


def folder(tmp_path: Path, name: str, *files: str) -> Path:
    made = tmp_path / name
    made.mkdir()
    for file in files:
        (made / file).touch()
    return made


@pytest.mark.parametrize(
    ("name", "files", "kind"),
    [
        ("streaming-en", ["encoder-epoch-9.onnx", "decoder-epoch-9.onnx", "joiner-epoch-9.onnx"], ModelKind.TRANSDUCER),
        ("whisper-tiny", ["tiny-encoder.onnx", "tiny-decoder.onnx"], ModelKind.WHISPER),
        ("sense-voice-zh-en-ja-ko-yue", ["model.onnx"], ModelKind.SENSE_VOICE),
        ("sherpa-paraformer-zh", ["model.int8.onnx"], ModelKind.PARAFORMER),
        ("nemo-ctc-de", ["model.onnx"], ModelKind.NEMO_CTC),
        ("zipformer-ctc-zh", ["model.onnx"], ModelKind.ZIPFORMER_CTC),
        (
            "moonshine-tiny",
            ["preprocess.onnx", "encode.int8.onnx", "uncached_decode.int8.onnx", "cached_decode.int8.onnx"],
            ModelKind.MOONSHINE,
        ),
        ("moonshine-base-es", ["encoder_model.ort", "decoder_model_merged.ort"], ModelKind.MOONSHINE_V2),
    ],
)
def test_a_model_is_recognised_by_its_files(tmp_path: Path, name: str, files: list[str], kind: ModelKind) -> None:
    found = recognise(folder(tmp_path, name, "tokens.txt", *files))
    assert (found.name, found.kind) == (name, kind)
    assert {Path(file).name for file in found.files.values()} == {"tokens.txt", *files}


def test_of_two_forms_of_a_model_the_smaller_one_is_taken(tmp_path: Path) -> None:
    found = recognise(
        folder(
            tmp_path,
            "whisper-base",
            *("base-encoder.onnx", "base-encoder.int8.onnx", "base-decoder.onnx", "base-decoder.int8.onnx"),
            "base-tokens.txt",
        )
    )
    assert Path(found.files["encoder"]).name == "base-encoder.int8.onnx"
    assert Path(found.files["tokens"]).name == "base-tokens.txt"


@pytest.mark.parametrize(
    ("files", "says"),
    [([], "tokens.txt"), (["tokens.txt"], "no model"), (["tokens.txt", "something.onnx"], "known are transducer")],
)
def test_another_folder_is_refused_with_what_to_do(tmp_path: Path, files: list[str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        recognise(folder(tmp_path, "other", *files))


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no folder"):
        recognise(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("sense_voice_ctc", ModelKind.SENSE_VOICE),
        ("paraformer", ModelKind.PARAFORMER),
        ("EncDecCTCModelBPE", ModelKind.NEMO_CTC),
        ("EncDecHybridRNNTCTCBPEModel", ModelKind.NEMO_CTC),
        ("zipformer2_ctc", ModelKind.ZIPFORMER_CTC),
        ("wenet_ctc", ModelKind.WENET_CTC),
        ("telespeech_ctc", ModelKind.TELESPEECH_CTC),
        ("tdnn", ModelKind.TDNN_CTC),
        ("dolphin", ModelKind.DOLPHIN_CTC),
        ("omnilingual-asr", ModelKind.OMNILINGUAL_CTC),
        ("fire-red-asr-2-ctc", ModelKind.FIRE_RED_CTC),
    ],
)
def test_what_a_model_says_of_itself_counts_and_not_its_name(tmp_path: Path, said: str, kind: ModelKind) -> None:
    made = folder(tmp_path, "my-dolphin-paraformer-ctc", "tokens.txt")
    write_model(made / "model.int8.onnx", {"model_type": said})
    assert recognise(made).kind is kind


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("whisper-large-v3", ModelKind.WHISPER),
        ("EncDecMultiTaskModel", ModelKind.CANARY),
        ("fire-red-asr", ModelKind.FIRE_RED),
        ("cohere-transcribe", ModelKind.COHERE),
    ],
)
def test_encoder_and_decoder_are_not_whispers_where_they_say_otherwise(
    tmp_path: Path, said: str, kind: ModelKind
) -> None:
    made = folder(tmp_path, "de", "tokens.txt", "decoder.int8.onnx")
    write_model(made / "encoder.int8.onnx", {"model_type": said})
    assert recognise(made).kind is kind


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"model_type": "zipformer2", "decode_chunk_len": "32"}, "streaming model"),
        ({"model_type": "bert"}, "type 'bert'; known are sense_voice"),
    ],
)
def test_a_model_that_says_that_it_is_something_else_is_refused(
    tmp_path: Path, metadata: dict[str, str], says: str
) -> None:
    made = folder(tmp_path, "zipformer-ctc", "tokens.txt")
    write_model(made / "model.onnx", metadata)
    with pytest.raises(ValueError, match=says):
        recognise(made)
