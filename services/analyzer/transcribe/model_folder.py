"""Recognises which speech model of sherpa-onnx a folder holds, by its files' names and what they say of themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from services.analyzer.transcribe.onnx_metadata import onnx_metadata

_MODELS = {".onnx", ".ort"}
_TOKENS = "tokens.txt"


class ModelKind(StrEnum):
    """The kinds of models; a value is the ending of the recogniser's factory in sherpa-onnx, `from_<value>`."""

    TRANSDUCER = "transducer"
    MOONSHINE = "moonshine"
    MOONSHINE_V2 = "moonshine_v2"
    WHISPER = "whisper"
    CANARY = "nemo_canary"
    FIRE_RED = "fire_red_asr"
    COHERE = "cohere_transcribe"
    SENSE_VOICE = "sense_voice"
    PARAFORMER = "paraformer"
    NEMO_CTC = "nemo_ctc"
    ZIPFORMER_CTC = "zipformer_ctc"
    DOLPHIN_CTC = "dolphin_ctc"
    TELESPEECH_CTC = "telespeech_ctc"
    WENET_CTC = "wenet_ctc"
    TDNN_CTC = "tdnn_ctc"
    OMNILINGUAL_CTC = "omnilingual_asr_ctc"
    FIRE_RED_CTC = "fire_red_asr_ctc"

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

# What the first characters of `model_type` in a model's metadata say; of several that fit, the first one.
_ENCODER_DECODER_TYPES: tuple[tuple[str, ModelKind], ...] = (
    ("whisper", ModelKind.WHISPER),
    ("EncDecMultiTaskModel", ModelKind.CANARY),
    ("fire-red-asr", ModelKind.FIRE_RED),
    ("cohere", ModelKind.COHERE),
)
_ONE_FILE_TYPES: tuple[tuple[str, ModelKind], ...] = (
    ("sense_voice", ModelKind.SENSE_VOICE),
    ("paraformer", ModelKind.PARAFORMER),
    ("EncDec", ModelKind.NEMO_CTC),
    ("zipformer2_ctc", ModelKind.ZIPFORMER_CTC),
    ("wenet_ctc", ModelKind.WENET_CTC),
    ("telespeech_ctc", ModelKind.TELESPEECH_CTC),
    ("tdnn", ModelKind.TDNN_CTC),
    ("dolphin", ModelKind.DOLPHIN_CTC),
    ("omnilingual", ModelKind.OMNILINGUAL_CTC),
    ("fire-red-asr-2-ctc", ModelKind.FIRE_RED_CTC),
)
_STREAMING = "decode_chunk_len"  # in the metadata of models that take speech in chunks

# A model of one file that says nothing is told by the folder's or the file's name, as sherpa-onnx publishes them.
_ONE_FILE: tuple[tuple[ModelKind, tuple[str, ...]], ...] = (
    (ModelKind.SENSE_VOICE, ("sense-voice", "sensevoice")),
    (ModelKind.PARAFORMER, ("paraformer",)),
    (ModelKind.DOLPHIN_CTC, ("dolphin",)),
    (ModelKind.TELESPEECH_CTC, ("telespeech",)),
    (ModelKind.WENET_CTC, ("wenet",)),
    (ModelKind.ZIPFORMER_CTC, ("zipformer",)),
    (ModelKind.NEMO_CTC, ("nemo", "parakeet", "fastconformer", "ctc")),
)


def recognise(folder: Path) -> ModelFolder:
    """Return what `folder` holds; raises ValueError, with a sentence for the operator, if that is no known model."""
    if not folder.is_dir():
        raise ValueError("is no folder")
    models = sorted(file for file in folder.iterdir() if file.suffix in _MODELS)
    if not (folder / _TOKENS).is_file() and not (tokens := sorted(folder.glob(f"*{_TOKENS}"))):
        raise ValueError(f"has no {_TOKENS}: name the folder of a model that was made for sherpa-onnx")
    found = _by_parts(models) or _by_itself(folder, models)
    if found is None:
        kinds = ", ".join(kind.value for kind in ModelKind)
        raise ValueError(f"holds no model that is known by its files; known are {kinds}")
    kind, files = found
    tokens_file = folder / _TOKENS if (folder / _TOKENS).is_file() else tokens[0]
    return ModelFolder(folder.resolve().name, kind, files | {"tokens": str(tokens_file)})


def _by_parts(models: list[Path]) -> tuple[ModelKind, dict[str, str]] | None:
    for kind, parts in _PARTS:
        files = {argument: _file(models, start) for argument, start in parts.items()}
        present = {argument: str(file) for argument, file in files.items() if file is not None}
        encoder = files["encoder"]
        if encoder is not None and len(present) == len(parts):
            said = _said(encoder)
            return (_by_type(said, _ENCODER_DECODER_TYPES) or kind) if kind is ModelKind.WHISPER else kind, present
    return None


def _by_itself(folder: Path, models: list[Path]) -> tuple[ModelKind, dict[str, str]] | None:
    """Recognise a model of one file."""
    if not models:
        return None
    model = min(models, key=_preference)
    kind = _by_type(_said(model), _ONE_FILE_TYPES) or _by_name(f"{folder.resolve().name} {model.name}".lower())
    if kind is None:
        return None
    return kind, {"paraformer" if kind is ModelKind.PARAFORMER else "model": str(model)}


def _said(file: Path) -> str:
    """Return the `model_type` of the metadata; raises ValueError for a streaming model, or where that is unreadable."""
    try:
        metadata = onnx_metadata(file)
    except OSError as exc:
        raise ValueError(f"holds {file.name}, which can't be read") from exc
    if _STREAMING in metadata:
        raise ValueError("holds a streaming model: take one of those that sherpa-onnx lists as offline")
    return metadata.get("model_type", "")


def _by_type(said: str, types: tuple[tuple[str, ModelKind], ...]) -> ModelKind | None:
    """Return the kind, None for a model that says nothing; raises ValueError for a type that is none of `types`."""
    for start, kind in types:
        if said.startswith(start):
            return kind
    if said:
        raise ValueError(f"holds a model of the type {said!r}; known are {', '.join(start for start, _ in types)}")
    return None


def _by_name(names: str) -> ModelKind | None:
    return next((kind for kind, words in _ONE_FILE if any(word in names for word in words)), None)


def _file(models: list[Path], start: str) -> Path | None:
    """Return the file that is called so; of several the one with whole numbers, which is made for processors."""
    named = [file for file in models if file.name.startswith(start) or f"-{start}" in file.name]
    return min(named, key=_preference) if named else None


def _preference(file: Path) -> tuple[bool, str]:
    return "int8" not in file.name, file.name
