"""Files as a maker of ONNX models writes them: metadata, and in place of the weights some bytes."""

from collections.abc import Mapping
from pathlib import Path

_VERSION, _PRODUCER, _GRAPH, _PROPERTY = 1, 2, 7, 14  # fields of ModelProto


def write_model(file: Path, metadata: Mapping[str, str], weights: bytes = b"\x72\x08\x0a\x01x" * 1000) -> None:
    """Write a model's file; the default weights look like metadata where a reader loses its way."""
    content = _varint(_VERSION << 3) + _varint(8) + _field(_PRODUCER, b"test") + _field(_GRAPH, weights)
    for key, value in metadata.items():
        content += _field(_PROPERTY, _field(1, key.encode()) + _field(2, value.encode()))
    file.write_bytes(content)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    content = bytearray()
    while value > 0x7F:
        content.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*content, value])
