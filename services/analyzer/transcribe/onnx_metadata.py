"""Reads the metadata that the maker of an ONNX model put into its file, without loading the model.

A model is one message of protocol buffers (onnx/onnx, `onnx.proto`: `ModelProto`). Its field 14 has an entry for each
property; the graph with the weights, up to gigabytes, is skipped.
"""

import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

_PROPERTY = 14
_KEY, _VALUE = 1, 2
_LONGEST = 1 << 20  # bytes of a property; Whisper's list of languages has a few thousand
_MOST_FIELDS = 10_000


def onnx_metadata(file: Path) -> Mapping[str, str]:
    """Return the properties by their names, none for a file that is not an ONNX model; raises OSError."""
    found: dict[str, str] = {}
    with file.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        for _ in range(_MOST_FIELDS):
            field = _field(stream, size)
            if field is None:
                break
            number, content = field
            if number == _PROPERTY:
                found.update(_property(content))
    return found


def _property(content: bytes) -> Mapping[str, str]:
    """Return an entry's key and value, which are its fields."""
    stream, texts = BytesIO(content), {_KEY: "", _VALUE: ""}
    while (tag := _varint(stream)) is not None and (size := _varint(stream)) is not None:
        texts[tag >> 3] = stream.read(size).decode(errors="replace")
    return {texts[_KEY]: texts[_VALUE]}


def _field(stream: BinaryIO, end: int) -> tuple[int, bytes] | None:
    """Return the next field's number, and its content if it is a property; None where there can't be one."""
    tag = _varint(stream) or 0
    number, kind = tag >> 3, tag & 7
    match kind:
        case _ if number == 0:
            size = None
        case 0:
            size = None if _varint(stream) is None else 0
        case 1:
            size = 8
        case 2:
            size = _varint(stream)
        case 5:
            size = 4
        case _:
            size = None
    if size is None or stream.tell() + size > end or (number == _PROPERTY and size > _LONGEST):
        return None
    if number == _PROPERTY:
        return number, stream.read(size)
    stream.seek(size, os.SEEK_CUR)
    return number, b""


def _varint(stream: BinaryIO) -> int | None:
    value = 0
    for shift in range(0, 70, 7):
        byte = stream.read(1)
        if not byte:
            return None
        value |= (byte[0] & 0x7F) << shift
        if not byte[0] & 0x80:
            return value
    return None
