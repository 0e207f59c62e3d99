"""Recognises which speech model of sherpa-onnx a folder holds, by the names of its files."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_MODELS = {".onnx", ".ort"}
_TOKENS = "tokens.txt"


class ModelKind(StrEnum):
    """The kinds of models; a value is the ending of the recogniser's factory in sherpa-onnx, `from_<value>`."""

    TRANSDUCER = "transducer"
    MOONSHINE = "moonshine"
    MOONSHINE_V2 = "moonshine_v2"
    WHISPER = "whisper"
    SENSE_VOICE = "sense_voice"
    PARAFORMER = "paraformer"
    NEMO_CTC = "nemo_ctc"
    ZIPFORMER_CTC = "zipformer_ctc"
    DOLPHIN_CTC = "dolphin_ctc"
    TELESPEECH_CTC = "telespeech_ctc"
    WENET_CTC = "wenet_ctc"

    @property
    def tells_language(self) -> bool:
        """Whether such a model knows several languages and tells which one it heard."""
        return self in {ModelKind.WHISPER, ModelKind.SENSE_VOICE}


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model's name, its kind, and its files by the names of the factory's arguments."""

    name: str
    kind: ModelKind
    files: Mapping[str, str]


# The more telling sets of files stand first: a transducer has the files of a Whisper model too. What a file is called
# starts with these letters, or has them behind a dash (`tiny.en-encoder.int8.onnx`).
_PARTS: tuple[tuple[ModelKind, Mapping[str, str]], ...] = (
    (
        ModelKind.MOONSHINE,
        {
            "preprocessor": "preprocess",
            "encoder": "encode",
            "uncached_decoder": "uncached_decode",
            "cached_decoder": "cached_decode",
        },
    ),
    (ModelKind.MOONSHINE_V2, {"encoder": "encoder_model", "decoder": "decoder_model_merged"}),
    (ModelKind.TRANSDUCER, {"encoder": "encoder", "decoder": "decoder", "joiner": "joiner"}),
    (ModelKind.WHISPER, {"encoder": "encoder", "decoder": "decoder"}),
)

# A model of one file is told by the folder's or the file's name, as sherpa-onnx publishes them.
_ONE_FILE: tuple[tuple[ModelKind, str, tuple[str, ...]], ...] = (
    (ModelKind.SENSE_VOICE, "model", ("sense-voice", "sensevoice")),
    (ModelKind.PARAFORMER, "paraformer", ("paraformer",)),
    (ModelKind.DOLPHIN_CTC, "model", ("dolphin",)),
    (ModelKind.TELESPEECH_CTC, "model", ("telespeech",)),
    (ModelKind.WENET_CTC, "model", ("wenet",)),
    (ModelKind.ZIPFORMER_CTC, "model", ("zipformer",)),
    (ModelKind.NEMO_CTC, "model", ("nemo", "parakeet", "fastconformer", "ctc")),
)


def recognise(folder: Path) -> ModelFolder:
    """Return what `folder` holds; raises ValueError, with a sentence for the operator, if that is no known model."""
    if not folder.is_dir():
        raise ValueError("is no folder")
    models = sorted(file for file in folder.iterdir() if file.suffix in _MODELS)
    if not (folder / _TOKENS).is_file() and not (tokens := sorted(folder.glob(f"*{_TOKENS}"))):
        raise ValueError(f"has no {_TOKENS}: name the folder of a model that was made for sherpa-onnx")
    found = _by_parts(models) or _by_name(folder, models)
    if found is None:
        kinds = ", ".join(kind.value for kind in ModelKind)
        raise ValueError(f"holds no model that is known by its files; known are {kinds}")
    kind, files = found
    tokens_file = folder / _TOKENS if (folder / _TOKENS).is_file() else tokens[0]
    return ModelFolder(folder.resolve().name, kind, files | {"tokens": str(tokens_file)})


def _by_parts(models: list[Path]) -> tuple[ModelKind, dict[str, str]] | None:
    for kind, parts in _PARTS:
        files = {argument: _file(models, start) for argument, start in parts.items()}
        present = {argument: file for argument, file in files.items() if file is not None}
        if len(present) == len(parts):
            return kind, present
    return None


def _by_name(folder: Path, models: list[Path]) -> tuple[ModelKind, dict[str, str]] | None:
    if not models:
        return None
    model = min(models, key=_preference)
    names = f"{folder.resolve().name} {model.name}".lower()
    for kind, argument, words in _ONE_FILE:
        if any(word in names for word in words):
            return kind, {argument: str(model)}
    return None


def _file(models: list[Path], start: str) -> str | None:
    """Return the file that is called so; of several the one with whole numbers, which is made for processors."""
    named = [file for file in models if file.name.startswith(start) or f"-{start}" in file.name]
    return str(min(named, key=_preference)) if named else None


def _preference(file: Path) -> tuple[bool, str]:
    return "int8" not in file.name, file.name
