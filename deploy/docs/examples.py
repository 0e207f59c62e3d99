"""Example values for JSON Schema: what a body of this shape may look like."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_BY_NAME: Mapping[str, object] = {
    "action": "init",
    "analysis_summary": "Moderate heated discussion.",
    "bytes": 160000,
    "call_log_id": "0b8f5c1e-6c1d-4a53-9a43-2f1a7c4f2b10",
    "chunk": "AAAA",
    "chunk_index": 4,
    "chunk_size": 32000,
    "chunks": 5,
    "chunks_received": 1,
    "confidence": 0.85,
    "content_type": "image/jpeg",
    "duration_seconds": 5.0,
    "expiration": 3600,
    "file_path": "default/documents/20250127_123456_abc123_receipt.jpg",
    "file_size": 48213,
    "filename": "audio_call-7.wav",
    "id": "0b8f5c1e-6c1d-4a53-9a43-2f1a7c4f2b10",
    "main_service_file_id": 123,
    "code": "not_found",
    "message": "What was done, or what to do, in words.",
    "method": "PUT",
    "mime_type": "image/jpeg",
    "object_key": "default/documents/20250127_123456_abc123_receipt.jpg",
    "original_file_name": "audio.mp3",
    "recording_path": "recordings/0b8f5c1e-6c1d-4a53-9a43-2f1a7c4f2b10_1737981296.aac",
    "session_id": "call-7",
    "sha256": "5c44e9adb349ec91e384cd3134df697e098089043155dd1a00e84de32dc6e084",
    "size_bytes": 160044,
    "status_url": "/sessions/call-7",
    "temperature": 75,
    "total_chunks": 5,
    "total_size": 1048576,
    "upload_id": "e2d1bc6b7bf245608639029b09707cb0",
    "upload_session_id": "e2d1bc6b7bf245608639029b09707cb0",
    "url": "https://recordings.example.com/audio_call-7.wav",
}
_BY_FORMAT = {
    "date-time": "2025-01-27T12:34:56Z",
    "uri": "https://recordings.example.com/audio_call-7.wav",
    "uuid": "0b8f5c1e-6c1d-4a53-9a43-2f1a7c4f2b10",
}
_BY_TYPE: Mapping[str, object] = {"string": "…", "boolean": True, "integer": 1, "number": 0.5, "null": None}


def example(schema: Schema, components: Schema, name: str = "") -> object:
    """Return a value that fits `schema`; members are called up by their name, or else by their type.

    Raises RecursionError for a schema that needs itself.
    """
    schema = resolved(schema, components)
    match schema:
        case {"const": value} | {"examples": [value, *_]} | {"enum": [value, *_]}:
            return value
        case {"anyOf": [first, *_]} | {"oneOf": [first, *_]}:
            return example(first, components, name)
        case {"type": "object"}:
            members = schema.get("properties", {})
            return {member: example(inner, components, member) for member, inner in members.items()}
        case {"type": "array"}:
            return [example(schema["items"], components, name)] if "items" in schema else []
        case {"format": str(form)} if form in _BY_FORMAT:
            return _BY_FORMAT[form] if name not in _BY_NAME else _BY_NAME[name]
        case _:
            return _BY_NAME.get(name, _BY_TYPE.get(str(schema.get("type")), "…"))


def resolved(schema: Schema, components: Schema) -> Schema:
    """Return what a reference into `components` stands for; other schemas as they are."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Schema = components[reference.rpartition("/")[2]]
    return {**found, **{key: value for key, value in schema.items() if key != "$ref"}}
