"""JSON Schema (2020-12) of the dataclasses that requests are parsed into and responses are written from."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from shared.http.operation import OCTETS
from shared.http.responses import type_adapter

Json = Mapping[str, object]
Mode = Literal["validation", "serialization"]
"""What a schema is for: `validation` for requests, `serialization` for responses."""

_PREFIX = "#/components/schemas/"


class Schemas:
    """The schemas of many dataclasses at once, so that no two of them share a name.

    `components` has them all by name. A request's members are required if they have no default. All members of a
    response are required, since all are written, except those with an `exclude_if`. Additional members are allowed in
    both.
    """

    def __init__(self, kinds: Iterable[tuple[type, Mode]]) -> None:
        inputs = [(kind, mode, type_adapter(kind)) for kind, mode in dict.fromkeys(kinds)]
        found, shared = TypeAdapter.json_schemas(inputs, ref_template="{model}", schema_generator=_SchemaGenerator)
        self.components = {_name(name): _renamed(schema) for name, schema in sorted(shared.get("$defs", {}).items())}
        self._references = {key: _renamed(schema) for key, schema in found.items()}

    def of(self, kind: type, mode: Mode) -> Json:
        """Return the schema of one of the dataclasses: a reference into `components`."""
        schema = self._references[kind, mode]
        assert isinstance(schema, dict)  # noqa: S101  # as all of these schemas are
        return schema


class _SchemaGenerator(GenerateJsonSchema):
    """Generates schemas without titles that repeat names, and with all members of responses required."""

    def field_title_should_be_set(self, _schema: object) -> bool:
        return False

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,  # noqa: FBT001  # as it is called
    ) -> bool:
        if self.mode == "serialization":
            return "serialization_exclude_if" not in field
        return super().field_is_required(field, total)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if self.mode == "serialization":
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def dataclass_field_schema(self, schema: core_schema.DataclassField) -> JsonSchemaValue:
        found = super().dataclass_field_schema(schema)
        left_out = schema.get("serialization_exclude_if")
        if self.mode == "serialization" and left_out is not None and left_out(None):
            return _never_null(found)
        return found

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        return _untitled(super().dataclass_schema(schema))

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        return _untitled(super().enum_schema(schema))

    def bytes_schema(self, _schema: core_schema.BytesSchema) -> JsonSchemaValue:
        return {"type": "string", "contentMediaType": OCTETS}


def _untitled(schema: JsonSchemaValue) -> JsonSchemaValue:
    return {key: value for key, value in schema.items() if key != "title"}


def _never_null(schema: JsonSchemaValue) -> JsonSchemaValue:
    kinds: list[JsonSchemaValue] = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    match kinds:
        case []:
            return schema
        case [kind]:
            return {key: value for key, value in schema.items() if key != "anyOf"} | kind
        case _:
            return schema | {"anyOf": kinds}


def _renamed(schema: Any) -> Any:
    """Return `schema` with every reference pointing into the document's components."""
    match schema:
        case {"$ref": str(name), **rest}:
            return {"$ref": _PREFIX + _name(name), **_renamed(rest)}
        case dict():
            return {key: _renamed(value) for key, value in schema.items()}
        case list():
            return [_renamed(value) for value in schema]
        case _:
            return schema


def _name(found: str) -> str:
    """Return a plain name for one of pydantic's, which has modules only if two dataclasses share a name.

    `services__ingest__uploads__Started` becomes `IngestUploadsStarted`, `Part-Input` becomes `PartInput`.
    """
    *modules, last = found.split("__")
    words = [word.capitalize() for module in modules[1:] for word in module.split("_")]
    return "".join(words) + last.replace("-", "")
